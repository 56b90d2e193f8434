/**
 * Digest access authentication (RFC 7616): the first request goes without credentials, the 401 brings a challenge, the
 * second request answers it. Algorithms MD5, SHA-256 and SHA-512-256 with their `-sess` forms; `qop=auth`, `auth-int` where
 * the server takes nothing less, or none (RFC 2069). A nonce is used once, so `nc` is always 1. When the server says that the
 * nonce was stale (`stale=true`), its new one is answered, once.
 */
import { createHash, randomBytes } from "node:crypto";
import type { JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import type { Credentials } from "../http/exchange.ts";
import { addHeader } from "../http/request.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type UserPassword, userPassword } from "./user-password.ts";

/** Strongest first: a server that offers several gets the first of these. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["SHA-512-256", "sha512-256"],
  ["SHA-256", "sha256"],
  ["MD5", "md5"],
]);

export function digestCredentials(policy: JsonObject, path: string): Credentials {
  const user = userPassword(policy, path);
  return {
    headers: () => Promise.resolve({}),
    answer(request, response, _, answered = 0) {
      const challenge = choose(parseChallenges(response.headers["www-authenticate"] ?? ""));
      const stale = challenge?.parameters["stale"]?.toLowerCase() === "true";
      if (challenge === undefined || (answered > 0 && !stale)) return Promise.resolve(undefined);
      const authorization = digestAuthorization(challenge, user, {
        method: request.method,
        uri: `${request.url.pathname}${request.url.search}`,
        body: request.body ?? new Uint8Array(),
        cnonce: randomBytes(16).toString("base64url"),
      });
      const headers: Record<string, string> = {};
      addHeader(headers, "authorization", authorization, path);
      return Promise.resolve(headers);
    },
  };
}

export interface DigestRequest {
  readonly method: string;
  /** The request target: path and query. */
  readonly uri: string;
  /** For `auth-int`; nothing when absent. */
  readonly body?: Uint8Array;
  readonly cnonce: string;
}

/** The value of `Authorization` that answers a challenge (RFC 7616 §3.4). */
export function digestAuthorization(
  challenge: Challenge,
  user: UserPassword,
  { method, uri, cnonce, body = new Uint8Array() }: DigestRequest,
): string {
  const { realm = "", nonce = "", opaque, algorithm, userhash } = challenge.parameters;
  const [name, session] = algorithmOf(challenge);
  const hash = (text: string | Uint8Array) =>
    createHash(ALGORITHMS.get(name) ?? "md5")
      .update(text)
      .digest("hex");
  const nc = "00000001";
  const qop = qopOf(challenge);
  const secret = hash(`${user.username}:${realm}:${user.password}`);
  const a1 = session ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = hash(`${method}:${uri}${qop === "auth-int" ? `:${hash(body)}` : ""}`);
  const response = hash(
    qop === undefined ? `${a1}:${nonce}:${a2}` : `${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`,
  );
  const hashed = userhash?.toLowerCase() === "true";
  const parts = [
    ...usernamePart(user.username, realm, hashed, hash),
    `realm=${quote(realm)}`,
    `uri=${quote(uri)}`,
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    `nonce=${quote(nonce)}`,
    ...(qop === undefined ? [] : [`nc=${nc}`, `qop=${qop}`]),
    ...(qop !== undefined || session ? [`cnonce=${quote(cnonce)}`] : []),
    `response=${quote(response)}`,
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(hashed ? ["userhash=true"] : []),
  ];
  return `Digest ${parts.join(", ")}`;
}

/** The strongest challenge we can answer; undefined when the server asked for no digest at all. */
function choose(challenges: readonly Challenge[]): Challenge | undefined {
  const digests = challenges.filter(({ scheme }) => scheme === "digest");
  for (const name of ALGORITHMS.keys()) {
    const found = digests.find((challenge) => algorithmOf(challenge)[0] === name);
    const qop = found?.parameters["qop"];
    if (found !== undefined && (qop === undefined || qopOf(found) !== undefined)) return found;
  }
  if (digests.length === 0) return undefined;
  throw new ActivityFailure(
    "authentication",
    "The server asks for a digest algorithm or quality of protection that is not supported.",
  );
}

/** Base name in upper case, and whether it is the `-sess` form. MD5 is what an absent algorithm means. */
function algorithmOf(challenge: Challenge): readonly [name: string, session: boolean] {
  const name = (challenge.parameters["algorithm"] ?? "MD5").toUpperCase();
  return name.endsWith("-SESS") ? [name.slice(0, -5), true] : [name, false];
}

/** What we choose of the qualities of protection offered; undefined when there is none that we know. */
function qopOf(challenge: Challenge): "auth" | "auth-int" | undefined {
  const offered = challenge.parameters["qop"]?.toLowerCase().split(",") ?? [];
  return (["auth", "auth-int"] as const).find((name) => offered.some((qop) => qop.trim() === name));
}

/** RFC 7616 §3.4.4: hashed when asked for, in RFC 8187's encoding when a quoted string cannot carry the name. */
function usernamePart(
  username: string,
  realm: string,
  hashed: boolean,
  hash: (text: string) => string,
): string[] {
  if (hashed) return [`username=${quote(hash(`${username}:${realm}`))}`];
  if (/^[\x20-\x7e]*$/.test(username)) return [`username=${quote(username)}`];
  return [
    `username*=UTF-8''${encodeURIComponent(username.toWellFormed()).replace(/['()*]/g, escape)}`,
  ];
}

function escape(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
