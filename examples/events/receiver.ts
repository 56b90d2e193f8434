/**
 * A receiver of webhooks, in plain Node.js: it checks each signature (Standard Webhooks) before it believes a word, and knows
 * by `webhook-id` what it has had already.
 *
 *     WEBHOOK_SECRET=whsec_… npx node examples/events/receiver.ts 9000
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { type AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** Seconds: what is older, or comes from the future, may have been recorded by somebody. */
const TOLERANCE = 300;
const PREFIX = "whsec_";

/** True when one of the signatures is ours: HMAC-SHA256 of `id.timestamp.body` with the bytes of the secret. */
export function verify(
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  secret: string,
  now = Date.now(),
): boolean {
  const { "webhook-id": id, "webhook-timestamp": timestamp } = headers;
  if (typeof id !== "string" || typeof timestamp !== "string") return false;
  if (!(Math.abs(now / 1_000 - Number(timestamp)) <= TOLERANCE)) return false;
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // Several while a secret is being replaced.
  return String(headers["webhook-signature"])
    .split(" ")
    .filter((each) => each.startsWith("v1,"))
    .map((each) => Buffer.from(each.slice("v1,".length), "base64"))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}

export interface Received {
  readonly id: string;
  readonly type: string;
  readonly subject?: string;
  readonly data?: unknown;
}

export interface Receiver {
  readonly url: string;
  /** By `webhook-id`: each event once, in the order in which they came first. */
  readonly received: ReadonlyMap<string, Received>;
  /** Requests that came again, were turned away with 503, or had no signature of ours. */
  readonly counts: { repeated: number; turnedAway: number; forged: number };
  /** While true, everything is turned away with 503. */
  down: boolean;
  /** The secret that the server gave when the webhook was created. */
  secret: string;
  close(): void;
}

/** @param told called for each event that is new */
export async function openReceiver(
  port = 0,
  told: (event: Received) => void = () => {},
): Promise<Receiver> {
  const received = new Map<string, Received>();
  const counts = { repeated: 0, turnedAway: 0, forged: 0 };
  const server = createServer();
  const receiver: Receiver = {
    url: "",
    received,
    counts,
    down: false,
    secret: "",
    close: () => server.close().closeAllConnections(),
  };
  server.on("request", (request, response) => {
    void answer(request, receiver, told).then((status) => response.writeHead(status).end());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  });
}

/** @returns the status to answer with */
async function answer(
  request: IncomingMessage,
  receiver: Receiver,
  told: (event: Received) => void,
): Promise<number> {
  const body = await buffer(request);
  const { counts, secret } = receiver;
  const received = receiver.received as Map<string, Received>;
  if (receiver.down) {
    counts.turnedAway += 1;
    return 503;
  }
  if (!verify(request.headers, body, secret)) {
    counts.forged += 1;
    return 401;
  }
  const id = String(request.headers["webhook-id"]);
  if (received.has(id)) {
    counts.repeated += 1;
    return 204;
  }
  const event = JSON.parse(body.toString("utf8")) as Received;
  received.set(id, event);
  told(event);
  return 204;
}

if (import.meta.main) {
  const receiver = await openReceiver(
    Number(process.argv[2] ?? 9000),
    ({ type, subject, data }) => {
      process.stdout.write(`${type} ${subject ?? ""} ${JSON.stringify(data)}\n`);
    },
  );
  receiver.secret = process.env["WEBHOOK_SECRET"] ?? "";
  process.stdout.write(`listening at ${receiver.url}\n`);
}
