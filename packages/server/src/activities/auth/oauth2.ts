/**
 * Policies `oauth2` and `oidc` (DSL reference "OAuth2 Authentication", "OpenID Connect"): a bearer token from the authority.
 *
 * The DSL gives the grant `refresh_token` no property of its own: the refresh token is `subject.token`. `authorization_code`
 * is refused, because it needs a person at a browser.
 */
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
import { metadataOf } from "./discovery.ts";
import type { Client, Grant, SecurityToken, TokenRequest } from "./token-request.ts";
import type { TokenSource } from "./token-source.ts";
import { userPassword } from "./user-password.ts";

export interface TokenPolicy {
  readonly kind: "oauth2" | "oidc";
  readonly policy: JsonObject;
  /** Where the policy stands in the arguments, for errors. */
  readonly path: string;
  /** What templates in URIs resolve against. */
  readonly data: Json;
}

/** A token that was kept may have been revoked: a 401 fetches another, once. The refusal of a fresh one stands. */
export function tokenCredentials(given: TokenPolicy, source: TokenSource): Credentials {
  const request = tokenRequest(given);
  let used: { readonly token: string; readonly fresh: boolean } | undefined;
  const headers = async (signal: AbortSignal): Promise<Headers> => {
    const result: Record<string, string> = {};
    used = await source.token(request, signal);
    addHeader(result, "authorization", `Bearer ${used.token}`, given.path);
    return result;
  };
  return {
    headers: (_, signal) => headers(signal),
    answer(_, __, signal, answered = 0) {
      if (used === undefined || used.fresh || answered > 0) return Promise.resolve(undefined);
      source.forget(request, used.token);
      return headers(signal);
    },
  };
}

function tokenRequest(given: TokenPolicy): TokenRequest {
  const { policy, path } = given;
  const introspection = introspectionOf(given);
  return {
    endpoint: endpointOf(given),
    grant: grantOf(policy, path),
    client: clientOf(policy, path),
    encoding: encodingOf(policy, path),
    scopes: stringList(policy, "scopes", `${path}.scopes`),
    audiences: stringList(policy, "audiences", `${path}.audiences`),
    issuers: stringList(policy, "issuers", `${path}.issuers`),
    ...(introspection === undefined ? {} : { introspection }),
  };
}

function grantOf(policy: JsonObject, path: string): Grant {
  const grant = requiredString(policy, "grant", `${path}.grant`);
  switch (grant) {
    case "client_credentials":
      return { kind: grant };
    case "password":
      return { kind: grant, ...userPassword(policy, path) };
    case "refresh_token":
      return { kind: grant, token: securityToken(policy, "subject", path).token };
    case "urn:ietf:params:oauth:grant-type:token-exchange": {
      const subject = securityToken(policy, "subject", path);
      if (policy["actor"] === undefined) return { kind: "exchange", subject };
      return { kind: "exchange", subject, actor: securityToken(policy, "actor", path) };
    }
    case "authorization_code":
      throw badArgument(
        `${path}.grant`,
        "authorization_code needs a person at a browser; use refresh_token with the refresh token as subject.token",
      );
    default:
      throw badArgument(`${path}.grant`, "is not a grant of the language");
  }
}

function securityToken(policy: JsonObject, key: string, path: string): SecurityToken {
  const at = `${path}.${key}`;
  const value = optionalObject(policy, key, at);
  if (value === undefined) throw badArgument(at, "required");
  return {
    token: requiredString(value, "token", `${at}.token`),
    type: requiredString(value, "type", `${at}.type`),
  };
}

function clientOf(policy: JsonObject, path: string): Client {
  const client = optionalObject(policy, "client", `${path}.client`) ?? {};
  const method = clientMethod(client, path);
  const id = optionalString(client, "id", `${path}.client.id`);
  const secret = optionalString(client, "secret", `${path}.client.secret`);
  const assertion = optionalString(client, "assertion", `${path}.client.assertion`);
  const jwt = method === "client_secret_jwt" || method === "private_key_jwt";
  if (method !== "none" && !(jwt && assertion !== undefined)) {
    if (id === undefined) throw badArgument(`${path}.client.id`, "required");
    if (secret === undefined) throw badArgument(`${path}.client.secret`, "required");
  }
  return {
    method,
    ...(id === undefined ? {} : { id }),
    ...(secret === undefined ? {} : { secret }),
    ...(assertion === undefined ? {} : { assertion }),
  };
}

function clientMethod(client: JsonObject, path: string): Client["method"] {
  const at = `${path}.client.authentication`;
  const value = optionalString(client, "authentication", at) ?? "client_secret_post";
  switch (value) {
    case "client_secret_post":
    case "client_secret_basic":
    case "client_secret_jwt":
    case "private_key_jwt":
    case "none":
      return value;
    default:
      throw badArgument(at, "is not a way to authenticate that the language has");
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
  const url = authorityOf(given);
  const discovered = given.kind === "oidc" || url.pathname.includes("/.well-known/");
  if (discovered) return { kind: "discovery", urls: metadataOf(url) };
  return { kind: "token", url: below(given, url, "token") ?? append(url, "/oauth2/token") };
}

/** Only where the policy names it: the reference's default is at few authorities. */
function introspectionOf(given: TokenPolicy): URL | undefined {
  return given.kind === "oidc" ? undefined : below(given, authorityOf(given), "introspection");
}

function authorityOf({ policy, path, data }: TokenPolicy): URL {
  const at = `${path}.authority`;
  return resolveUri(requiredString(policy, "authority", at), data, at);
}

/** One of `endpoints`, below the authority unless it is absolute. */
function below({ policy, path, data }: TokenPolicy, authority: URL, name: string): URL | undefined {
  const endpoints = optionalObject(policy, "endpoints", `${path}.endpoints`) ?? {};
  const at = `${path}.endpoints.${name}`;
  const given = optionalString(endpoints, name, at);
  if (given === undefined) return undefined;
  if (/^https?:/i.test(given)) return resolveUri(given, data, at);
  return append(authority, expandTemplate(given, data, at));
}

function append(authority: URL, relative: string): URL {
  const url = new URL(authority);
  const [path = "", query = ""] = relative.split("?");
  url.pathname = `${authority.pathname.replace(/\/$/, "")}/${path.replace(/^\//, "")}`;
  if (query !== "") url.search = query;
  return url;
}
