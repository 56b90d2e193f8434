/**
 * Brings messages from a broker to an instance, one at a time:
 *
 *   opened ──message──▶ in hand ──the instance has it──▶ acknowledged ──more──▶ opened
 *                          │                                 └──enough──▶ closed
 *                          └──the instance is gone──▶ closed, not acknowledged
 *
 * A message that is none of the operation's (it matches no schema, or is not what its content type says) is acknowledged and
 * passed over: a channel may carry others, and what came broken comes broken again. When the subscription fails, the error says
 * how many were.
 *
 * With the last message the instance wants no more, which aborts the activity before the acknowledgement has gone out. So the
 * connection has a signal of its own, which follows the activity's only while no message is in hand.
 */
import type { Json } from "@millrace/language";
import type { Clock } from "../../clock.ts";
import type { Feed } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { withTimeLimit } from "../time-limit.ts";
import { locate, type MessageDefinition, mismatch } from "./message.ts";
import { decodePayload } from "./payload.ts";
import {
  describeTarget,
  failureAt,
  type IncomingMessage,
  type ProtocolTarget,
} from "./protocol.ts";

export interface Subscription {
  /** Connects with the first message asked for. */
  readonly open: (signal: AbortSignal) => AsyncIterable<IncomingMessage>;
  readonly target: ProtocolTarget;
  readonly definitions: readonly MessageDefinition[];
  /** Of messages that say nothing themselves. */
  readonly contentType?: string;
  readonly maxJsonDepth: number;
  readonly clock: Pick<Clock, "after">;
  readonly signal: AbortSignal;
  readonly feed: Feed;
}

/** Milliseconds that an acknowledgement may take. */
const ACKNOWLEDGEMENT = 10_000;

/** Resolves when the instance wants no more. @throws {ActivityFailure} when the subscription ends before that */
export async function bring(subscription: Subscription): Promise<void> {
  const { open, target, signal, clock } = subscription;
  const connection = new AbortController();
  let inHand = false;
  const follow = (): void => {
    if (!inHand) connection.abort(signal.reason);
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", follow);
  const skipped = { count: 0, reason: "" };
  try {
    for await (const message of open(connection.signal)) {
      inHand = true;
      const answer = await take(subscription, message, skipped);
      await withTimeLimit(clock, ACKNOWLEDGEMENT, undefined, (limited) =>
        orLate(message.ack(), limited),
      );
      inHand = false;
      if (answer === "enough") return;
      signal.throwIfAborted();
    }
    const detail = `${describeTarget(target)}: the server ended the subscription`;
    throw new ActivityFailure("communication", detail, { status: 502 });
  } catch (error) {
    throw explained(failureAt(target, error, signal), skipped);
  } finally {
    signal.removeEventListener("abort", follow);
    connection.abort(signal.reason);
  }
}

/** What the instance says to a message; `more` of what is none of the operation's. */
async function take(
  { feed, definitions, contentType, maxJsonDepth }: Subscription,
  message: IncomingMessage,
  skipped: { count: number; reason: string },
): Promise<"more" | "enough"> {
  const stated = message.contentType ?? commonType(definitions) ?? contentType;
  const payload = decodePayload(message.payload, stated, maxJsonDepth);
  const read = payload === undefined ? undefined : itemOf(message, payload, definitions);
  if (typeof read === "object") return feed(read.item);
  skipped.count += 1;
  skipped.reason = read ?? `its payload is not valid ${stated}`;
  return "more";
}

/** What the instance gets (schema `asyncApiInboundMessage`), or why it is none of the operation's. */
function itemOf(
  message: IncomingMessage,
  payload: Json,
  definitions: readonly MessageDefinition[],
): { readonly item: Json } | string {
  const content = { payload, headers: message.headers };
  let problem: string | undefined;
  let location: string | undefined;
  for (const definition of definitions) {
    problem = mismatch(definition, content);
    location = definition.correlationId;
    if (problem === undefined) break;
  }
  if (problem !== undefined) return problem;
  const found = location === undefined ? undefined : locate(location, content);
  const correlationId = found ?? message.correlationId;
  return { item: { ...content, ...(correlationId === undefined ? {} : { correlationId }) } };
}

/** The content type that all definitions name. */
function commonType(definitions: readonly MessageDefinition[]): string | undefined {
  const types = new Set(definitions.map(({ contentType }) => contentType));
  return types.size === 1 ? [...types][0] : undefined;
}

function orLate(acknowledged: Promise<void>, limited: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // The reason is an Error: the time limit's.
    limited.addEventListener("abort", () => reject(limited.reason as Error), { once: true });
    acknowledged.then(resolve, reject);
  });
}

function explained(
  failure: ActivityFailure,
  { count, reason }: { count: number; reason: string },
): ActivityFailure {
  if (count === 0) return failure;
  const { kind, status, title } = failure;
  const last = `${count} passed over, the last because ${reason}`;
  return new ActivityFailure(kind, `${failure.message} (${last})`, { status, title });
}
