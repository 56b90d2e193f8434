/**
 * OAuth 2.0 access tokens by the client-credentials grant (RFC 6749 §4.4), kept until shortly before they expire and
 * fetched once for all activities that need the same one at the same time.
 */
import { isObject } from "@millrace/language";
import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { ExpiringCache } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import { FORM, type IncomingResponse, type OutgoingRequest } from "../http/message.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { withTimeLimit } from "../time-limit.ts";
import { discoverTokenEndpoint } from "./discovery.ts";

/** Everything that decides which token comes back. */
export interface TokenRequest {
  readonly endpoint:
    | { readonly kind: "token"; readonly url: URL }
    /** A discovery document (RFC 8414, OpenID Connect Discovery) names it. */
    | { readonly kind: "discovery"; readonly url: URL };
  readonly clientAuthentication: "client_secret_post" | "client_secret_basic" | "none";
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly encoding: "form" | "json";
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  /** Accepted issuers of tokens that are JWTs; any when empty. */
  readonly issuers: readonly string[];
}

export interface TokenSource {
  /** @throws {ActivityFailure} `authentication` when the authority refuses, as the transport does when it isn't reached */
  token(request: TokenRequest, signal: AbortSignal): Promise<string>;
  /** Forgets a token that a resource refused, so that the next call fetches another. */
  forget(request: TokenRequest): void;
}

export interface TokenSourceConfig {
  readonly transport: Transport;
  readonly clock: Pick<Clock, "now" | "after">;
}

const MAX_TOKENS = 1_000;
/** A token is renewed this long before it expires, but used for at least nine tenths of its life. */
const SKEW_MS = 30_000;
/** RFC 6749 §5.1 lets a server leave `expires_in` out. */
const UNKNOWN_LIFE_S = 60;

export function tokenSource({ transport, clock }: TokenSourceConfig): TokenSource {
  const cache = new ExpiringCache<string>({ clock, maxWeight: MAX_TOKENS });
  const load = (request: TokenRequest) =>
    // Several activities may wait for it, so no single one's signal ends it.
    withTimeLimit(clock, transport.limits.totalTimeout, undefined, async (signal) => {
      const { endpoint } = request;
      const url =
        endpoint.kind === "token"
          ? endpoint.url
          : await discoverTokenEndpoint(transport, endpoint.url, signal);
      const response = await transport.send(encode(request, url), signal);
      const { token, lifeMs } = decode(response, url, request.issuers);
      const skew = Math.min(SKEW_MS, lifeMs / 10);
      return { value: token, expiresAt: clock.now() + lifeMs - skew };
    });
  return {
    token: (request, signal) => cache.get(keyOf(request), () => load(request), signal),
    forget: (request) => cache.delete(keyOf(request)),
  };
}

/** A digest, so that secrets don't linger in memory as keys of a map. */
function keyOf(request: TokenRequest): string {
  const { endpoint, ...rest } = request;
  const text = JSON.stringify([endpoint.kind, endpoint.url.href, rest]);
  return createHash("sha256").update(text).digest("base64");
}

function encode(request: TokenRequest, url: URL): OutgoingRequest {
  const { clientAuthentication, clientId, clientSecret, scopes, audiences } = request;
  const headers: Record<string, string> = { accept: "application/json", "user-agent": "millrace" };
  const fields: [string, string][] = [["grant_type", "client_credentials"]];
  if (scopes.length > 0) fields.push(["scope", scopes.join(" ")]);
  if (clientAuthentication === "client_secret_basic") {
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
    const pair = [clientId ?? "", clientSecret ?? ""].map(formEncode).join(":");
    headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
  } else {
    if (clientId !== undefined) fields.push(["client_id", clientId]);
    if (clientSecret !== undefined && clientAuthentication === "client_secret_post") {
      fields.push(["client_secret", clientSecret]);
    }
  }
  let text: string;
  if (request.encoding === "json") {
    headers["content-type"] = "application/json";
    const audience = audiences.length > 1 ? audiences : audiences[0];
    text = JSON.stringify({ ...Object.fromEntries(fields), ...(audience && { audience }) });
  } else {
    headers["content-type"] = FORM;
    for (const audience of audiences) fields.push(["audience", audience]);
    text = new URLSearchParams(fields).toString();
  }
  return { method: "POST", url, headers, body: Buffer.from(text) };
}

function decode(response: IncomingResponse, url: URL, issuers: readonly string[]) {
  const target = `POST ${describeUri(url)}`;
  if (response.status >= 500) {
    const detail = `${target}: the authority answered ${response.status}`;
    throw new ActivityFailure("communication", detail, { status: response.status });
  }
  const body = parse(response.content);
  const token = body["access_token"];
  if (response.status !== 200 || typeof token !== "string" || token === "") {
    // The standard's error codes are few and fixed; nothing else of the answer is repeated.
    const code = body["error"];
    const reason = typeof code === "string" && /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : "";
    const detail = `${target}: the authority gave no token: ${response.status}${reason}`;
    throw new ActivityFailure("authentication", detail);
  }
  const type = body["token_type"] ?? "bearer";
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") {
    throw new ActivityFailure("authentication", `${target}: the token is not a bearer token`);
  }
  assertIssuer(token, issuers, target);
  const life = Number(body["expires_in"] ?? UNKNOWN_LIFE_S);
  return { token, lifeMs: (Number.isFinite(life) ? Math.max(0, life) : UNKNOWN_LIFE_S) * 1_000 };
}

/** Opaque tokens tell no issuer and pass; only a JWT can be checked. */
function assertIssuer(token: string, issuers: readonly string[], target: string): void {
  const parts = token.split(".");
  if (issuers.length === 0 || parts.length !== 3) return;
  const issuer = parse(Buffer.from(parts[1] ?? "", "base64url"))["iss"];
  if (typeof issuer === "string" && !issuers.includes(issuer)) {
    const detail = `${target}: the token comes from an issuer that is not among issuers`;
    throw new ActivityFailure("authentication", detail);
  }
}

function parse(content: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(content.toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
