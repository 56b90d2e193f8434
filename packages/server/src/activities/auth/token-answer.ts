/** Reads an authority's answer to a token request (RFC 6749 section 5, RFC 8693 section 2.2). */
import { isObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import type { IncomingResponse } from "../http/message.ts";
import { describeUri } from "../http/uri.ts";

export interface TokenAnswer {
  readonly token: string;
  readonly refreshToken?: string;
  readonly lifeMs: number;
}

/** RFC 6749 section 5.1 lets a server leave `expires_in` out. */
const UNKNOWN_LIFE_S = 60;

/** @throws {ActivityFailure} `authentication` when there is no token in it, `communication` for a status from 500 */
export function readTokenAnswer(response: IncomingResponse, url: URL): TokenAnswer {
  const target = `POST ${describeUri(url)}`;
  const body = readObject(response, url);
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
  const life = Number(body["expires_in"] ?? UNKNOWN_LIFE_S);
  const refresh = body["refresh_token"];
  return {
    token,
    lifeMs: (Number.isFinite(life) ? Math.max(0, life) : UNKNOWN_LIFE_S) * 1_000,
    ...(typeof refresh === "string" && refresh !== "" ? { refreshToken: refresh } : {}),
  };
}

/** The issuer that a JWT names; undefined for an opaque token. */
export function issuerOf(token: string): string | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const issuer = parse(Buffer.from(parts[1] ?? "", "base64url"))["iss"];
  return typeof issuer === "string" ? issuer : undefined;
}

/** @throws {ActivityFailure} `authentication` when the token is not active or of none of these issuers */
export function assertIntrospected(
  response: IncomingResponse,
  url: URL,
  issuers: readonly string[],
): void {
  const { active, iss } = readObject(response, url);
  if (active === true && (typeof iss !== "string" || issuers.includes(iss))) return;
  const detail = `POST ${describeUri(url)}: the token is not active, or of an issuer that is not among issuers`;
  throw new ActivityFailure("authentication", detail);
}

function readObject(response: IncomingResponse, url: URL): Readonly<Record<string, unknown>> {
  if (response.status < 500) return parse(response.content);
  const detail = `POST ${describeUri(url)}: the authority answered ${response.status}`;
  throw new ActivityFailure("communication", detail, { status: response.status });
}

function parse(content: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(content.toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
