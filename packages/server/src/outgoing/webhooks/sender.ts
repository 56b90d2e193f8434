/**
 * Sends an event to a webhook: one POST through the tenant's egress boundary, signed. An answer 2xx is a delivery; 410 wants no
 * more; anything else is a failure, for which 429 and 503 may say how long to wait. Redirects are not followed: the address is
 * the one that was given.
 */
import type { SharedServices } from "../../activities/tenants.ts";
import { withTimeLimit } from "../../activities/time-limit.ts";
import type { Clock } from "../../clock.ts";
import type { Endpoint, WebhookSettings } from "../endpoint.ts";
import type { Letter, Sent } from "../delivery/sender.ts";
import { identityOf, messageOf } from "../message.ts";
import type { Sealed, SealedWebhook } from "../sealed.ts";
import { messageId, sign } from "./signature.ts";

export interface WebhookSenderConfig {
  readonly services: Pick<SharedServices, "use">;
  readonly sealed: Pick<Sealed, "webhook">;
  readonly clock: Clock;
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
}

/** Milliseconds from the first packet to the end of the answer. */
const ANSWER_LIMIT = 15_000;
/** A receiver may ask for this many milliseconds of rest, and no more. */
const LONGEST_REST = 86_400_000;
const AGENT = "Millrace-Webhooks";

/** Rejects only with the signal's reason. */
export async function sendToWebhook(
  endpoint: Endpoint & { readonly settings: WebhookSettings },
  { event }: Pick<Letter, "event">,
  config: WebhookSenderConfig,
  signal: AbortSignal,
): Promise<Sent> {
  const { services, sealed, clock } = config;
  try {
    const confidential = await sealed.webhook(endpoint);
    const request = requestOf(endpoint.settings, event, confidential, config.now());
    const answer = await withTimeLimit(clock, ANSWER_LIMIT, signal, (limited) =>
      services.use(endpoint.tenant, ({ transport }) => transport.send(request, limited)),
    );
    return judged(answer.status, answer.headers["retry-after"], config.now());
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

function requestOf(
  { url, mode }: WebhookSettings,
  event: string,
  { secrets, headers }: SealedWebhook,
  now: number,
) {
  const { contentType, payload, attributes } = messageOf(event, mode);
  const valid = secrets.filter(({ until = Infinity }) => until > now);
  const signed = sign(
    messageId(identityOf(event)),
    now,
    payload,
    valid.map(({ secret }) => secret),
  );
  return {
    method: "POST",
    url: new URL(url),
    headers: {
      "user-agent": AGENT,
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      ...Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerText(value)]),
      ),
      "content-type": contentType,
      "content-length": String(payload.length),
      ...signed,
    },
    body: payload,
  };
}

/** HTTP binding 3.1.3.2: all but printable ASCII is percent-encoded, and so are space, quotes and the percent sign. */
function headerText(value: string): string {
  return value
    .toWellFormed()
    .replaceAll(/[^\x21\x23\x24\x26-\x7e]/gu, (character) =>
      [...Buffer.from(character, "utf8")]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
        .join(""),
    );
}

function judged(status: number, retryAfter: string | undefined, now: number): Sent {
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 410)
    return { kind: "gone", status, error: "the receiver answered 410: it wants no more events" };
  const redirect = status >= 300 && status < 400 ? " (redirects are not followed)" : "";
  const error = `the receiver answered ${status}${redirect}`;
  const rest = status === 429 || status === 503 ? restOf(retryAfter, now) : undefined;
  return { kind: "failed", status, error, ...(rest === undefined ? {} : { retryAfter: rest }) };
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function restOf(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return milliseconds > 0 ? Math.min(milliseconds, LONGEST_REST) : undefined;
}
