/** Signs the assertion by which a client proves itself (RFC 7523 section 2.2, OpenID Connect Core 1.0 section 9). */
import {
  createPrivateKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
} from "node:crypto";
import { ActivityFailure } from "../failure.ts";
import type { Client } from "./token-request.ts";

const LIFE_S = 60;
const CURVES: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "ES256"],
  ["secp384r1", "ES384"],
  ["secp521r1", "ES512"],
]);

/**
 * @param now epoch milliseconds
 * @throws {ActivityFailure} `configuration` when the private key cannot be used; it does not repeat the key
 */
export async function signAssertion(
  client: Client,
  audience: string,
  now: number,
): Promise<string> {
  const { SignJWT } = await import("jose");
  const { id = "", secret = "" } = client;
  const issued = Math.floor(now / 1_000);
  const [key, alg] =
    client.method === "private_key_jwt"
      ? privateKey(secret)
      : [createSecretKey(Buffer.from(secret)), "HS256"];
  const signed = new SignJWT({ iss: id, sub: id, aud: audience, jti: randomUUID() })
    .setProtectedHeader({ alg, typ: "JWT", ...keyId(secret) })
    .setIssuedAt(issued)
    .setExpirationTime(issued + LIFE_S);
  return signed.sign(key).catch(() => {
    throw unusable();
  });
}

function privateKey(text: string): readonly [key: KeyObject, alg: string] {
  let key: KeyObject;
  try {
    const jwk = text.trimStart().startsWith("{");
    key = createPrivateKey(jwk ? { key: JSON.parse(text) as JsonWebKey, format: "jwk" } : text);
  } catch {
    throw unusable();
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") return [key, "RS256"];
  if (type === "ed25519") return [key, "EdDSA"];
  const alg = type === "ec" ? CURVES.get(details?.namedCurve ?? "") : undefined;
  if (alg === undefined) throw unusable();
  return [key, alg];
}

/** The `kid` of a JWK, by which an authority with several keys of this client finds the right one. */
function keyId(text: string): { readonly kid?: string } {
  if (!text.trimStart().startsWith("{")) return {};
  try {
    const { kid } = JSON.parse(text) as { readonly kid?: unknown };
    return typeof kid === "string" ? { kid } : {};
  } catch {
    // A shared secret may begin with a brace, too.
    return {};
  }
}

function unusable(): ActivityFailure {
  const detail =
    "the client's private key is neither PKCS #8 in PEM nor a JWK of a kind that can sign";
  return new ActivityFailure("configuration", detail);
}
