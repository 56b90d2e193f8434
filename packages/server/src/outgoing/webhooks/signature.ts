/** Signatures of webhooks (Standard Webhooks 1.0): HMAC-SHA256 over `id.timestamp.body`, one for each secret in force. */
import { createHash, createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";
const BYTES = 32;

/** What `whsec_` and Base64 make of 32 random bytes. */
export function newSecret(): string {
  return PREFIX + randomBytes(BYTES).toString("base64");
}

export interface Signed {
  readonly "webhook-id": string;
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

/** @param now epoch milliseconds */
export function sign(
  id: string,
  now: number,
  body: Uint8Array,
  secrets: readonly string[],
): Signed {
  const timestamp = String(Math.floor(now / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), "base64");
    const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest("base64")}`;
  });
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

/**
 * The same however often the event is sent, and of no other event: an event's own id is unique within its source only, and may
 * hold what a header cannot.
 */
export function messageId(event: { readonly id: string; readonly source: string }): string {
  const hash = createHash("sha256").update(JSON.stringify([event.source, event.id]));
  return `evt_${hash.digest("hex").slice(0, 32)}`;
}
