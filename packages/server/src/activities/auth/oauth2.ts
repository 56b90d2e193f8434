/** Policies `oauth2` and `oidc` (DSL reference): a bearer token from the authority, by client credentials. */
import type { Json, JsonObject } from "@millrace/language";
import {
  badArgument,
  optionalObject,
  optionalString,
  requiredString,
  stringList,
} from "../arguments.ts";
import type { Credentials } from "../http/exchange.ts";
import { addHeader } from "../http/request.ts";
import { expandTemplate, resolveUri } from "../http/uri.ts";
import { FORM, type Headers } from "../http/message.ts";
import type { TokenRequest, TokenSource } from "./token-source.ts";

export interface TokenPolicy {
  readonly kind: "oauth2" | "oidc";
  readonly policy: JsonObject;
  /** Where the policy stands in the arguments, for errors. */
  readonly path: string;
  /** What templates in URIs resolve against. */
  readonly data: Json;
}

/** A refused token may have been revoked: a 401 fetches another, once. */
export function tokenCredentials(given: TokenPolicy, source: TokenSource): Credentials {
  const request = tokenRequest(given);
  const headers = async (signal: AbortSignal): Promise<Headers> => {
    const result: Record<string, string> = {};
    const token = await source.token(request, signal);
    addHeader(result, "authorization", `Bearer ${token}`, given.path);
    return result;
  };
  return {
    headers: (_, signal) => headers(signal),
    answer(_, __, signal) {
      source.forget(request);
      return headers(signal);
    },
  };
}

function tokenRequest(given: TokenPolicy): TokenRequest {
  const { policy, path } = given;
  const grant = requiredString(policy, "grant", `${path}.grant`);
  if (grant !== "client_credentials") {
    const message = `${grant} is not supported by this version; use client_credentials`;
    throw badArgument(`${path}.grant`, message);
  }
  const client = optionalObject(policy, "client", `${path}.client`) ?? {};
  const clientAuthentication = clientAuthenticationOf(client, path);
  const clientId = optionalString(client, "id", `${path}.client.id`);
  const clientSecret = optionalString(client, "secret", `${path}.client.secret`);
  if (clientAuthentication !== "none") {
    if (clientId === undefined) throw badArgument(`${path}.client.id`, "required");
    if (clientSecret === undefined) throw badArgument(`${path}.client.secret`, "required");
  }
  return {
    endpoint: endpointOf(given),
    clientAuthentication,
    ...(clientId === undefined ? {} : { clientId }),
    ...(clientSecret === undefined ? {} : { clientSecret }),
    encoding: encodingOf(policy, path),
    scopes: stringList(policy, "scopes", `${path}.scopes`),
    audiences: stringList(policy, "audiences", `${path}.audiences`),
    issuers: stringList(policy, "issuers", `${path}.issuers`),
  };
}

function clientAuthenticationOf(
  client: JsonObject,
  path: string,
): TokenRequest["clientAuthentication"] {
  const at = `${path}.client.authentication`;
  const value = optionalString(client, "authentication", at) ?? "client_secret_post";
  switch (value) {
    case "client_secret_post":
    case "client_secret_basic":
    case "none":
      return value;
    default:
      throw badArgument(at, `${value} is not supported by this version`);
  }
}

function encodingOf(policy: JsonObject, path: string): TokenRequest["encoding"] {
  const request = optionalObject(policy, "request", `${path}.request`) ?? {};
  const value = optionalString(request, "encoding", `${path}.request.encoding`) ?? FORM;
  if (value === FORM) return "form";
  if (value === "application/json") return "json";
  throw badArgument(`${path}.request.encoding`, `must be ${FORM} or application/json`);
}

/**
 * Where to ask. The reference calls `endpoints.token` relative to the authority, so it is appended to it (a realm in the
 * authority's path stays). An authority that is itself a discovery document, and any of `oidc`, is looked up.
 */
function endpointOf(given: TokenPolicy): TokenRequest["endpoint"] {
  const { kind, policy, path, data } = given;
  const authority = requiredString(policy, "authority", `${path}.authority`);
  const url = resolveUri(authority, data, `${path}.authority`);
  if (url.pathname.includes("/.well-known/")) return { kind: "discovery", url };
  if (kind === "oidc")
    return { kind: "discovery", url: append(url, "/.well-known/openid-configuration") };
  const endpoints = optionalObject(policy, "endpoints", `${path}.endpoints`) ?? {};
  const at = `${path}.endpoints.token`;
  const token = optionalString(endpoints, "token", at) ?? "/oauth2/token";
  if (/^https?:/i.test(token)) return { kind: "token", url: resolveUri(token, data, at) };
  return { kind: "token", url: append(url, expandTemplate(token, data, at)) };
}

function append(authority: URL, relative: string): URL {
  const url = new URL(authority);
  const [path = "", query = ""] = relative.split("?");
  url.pathname = `${authority.pathname.replace(/\/$/, "")}/${path.replace(/^\//, "")}`;
  if (query !== "") url.search = query;
  return url;
}
