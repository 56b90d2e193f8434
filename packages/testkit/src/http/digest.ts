/** The server's side of digest authentication, written from RFC 7616 and not from the client under test. */
import { createHash } from "node:crypto";
import type { RecordedRequest, Reply } from "./server.ts";

export interface DigestAccount {
  readonly user: string;
  readonly password: string;
  /** `MD5`, `SHA-256`, `MD5-sess`, … */
  readonly algorithm: string;
  /** Absent for the older form without qop (RFC 2069). */
  readonly qop?: string;
}

const REALM = "test@millrace";
const NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093";

/** Undefined when the request proves the account; else the 401 with its challenge. */
export function refuseDigest(request: RecordedRequest, account: DigestAccount): Reply | undefined {
  const { algorithm, qop } = account;
  const given = parse(request.headers["authorization"] ?? "");
  if (given !== undefined && given["response"] === expected(request.method, given, account)) {
    return undefined;
  }
  const parts = [
    `realm="${REALM}"`,
    `nonce="${NONCE}"`,
    `algorithm=${algorithm}`,
    'opaque="op aque"',
  ];
  if (qop !== undefined) parts.push(`qop="${qop}"`);
  return {
    status: 401,
    headers: { "www-authenticate": [`Bearer realm="other"`, `Digest ${parts.join(", ")}`] },
  };
}

function expected(
  method: string,
  given: Readonly<Record<string, string>>,
  account: DigestAccount,
): string {
  const base = account.algorithm.replace(/-sess$/i, "").toUpperCase();
  const name = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }[base] ?? "md5";
  const hash = (...parts: (string | undefined)[]) =>
    createHash(name).update(parts.join(":")).digest("hex");
  let secret = hash(account.user, REALM, account.password);
  if (/-sess$/i.test(account.algorithm)) secret = hash(secret, NONCE, given["cnonce"]);
  const what = hash(method, given["uri"]);
  if (account.qop === undefined) return hash(secret, NONCE, what);
  return hash(secret, NONCE, given["nc"], given["cnonce"], given["qop"], what);
}

function parse(header: string): Readonly<Record<string, string>> | undefined {
  if (!header.startsWith("Digest ")) return undefined;
  const pairs = [...header.slice(7).matchAll(/([\w*]+)=(?:"([^"]*)"|([^,\s]+))/g)];
  return Object.fromEntries(pairs.map(([, key, quoted, token]) => [key, quoted ?? token ?? ""]));
}
