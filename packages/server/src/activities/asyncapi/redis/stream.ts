/**
 * A stream of Redis. An entry has the fields `payload`, `contentType`, `messageId`, `correlationId` if there is one, and a field
 * `header:<name>` for each header. What another producer writes without `payload` is a message of its fields as JSON.
 *
 * A subscription is a consumer in a group: the binding's, which keeps its place for ever, or one of its own, which begins with
 * the next entry and goes with the subscription. It takes one entry at a time; what it took and did not acknowledge comes first
 * when it is opened again.
 */
import { ActivityFailure } from "../../failure.ts";
import { stringOf } from "../bindings.ts";
import type {
  IncomingMessage,
  OutgoingMessage,
  ProtocolContext,
  ProtocolTarget,
} from "../protocol.ts";
import { type Inbox, type Session, tooLong } from "../session.ts";
import type { RedisArgument, RedisSession } from "./client.ts";

/** Milliseconds that a read waits in the server: what is said to end a subscription waits behind it. */
const BLOCK = 1_000;
const HEADER = "header:";

export async function addToStream(
  session: RedisSession,
  { address }: ProtocolTarget,
  message: OutgoingMessage,
  maxLength: number | undefined,
): Promise<void> {
  const fields: RedisArgument[] = ["payload", Buffer.from(message.payload)];
  fields.push("contentType", message.contentType, "messageId", message.messageId);
  if (message.correlationId !== undefined) fields.push("correlationId", message.correlationId);
  for (const [name, value] of Object.entries(message.headers))
    fields.push(`${HEADER}${name}`, value);
  const trim = maxLength === undefined ? [] : ["MAXLEN", "~", String(maxLength)];
  await session.command("XADD", address, ...trim, "*", ...fields);
}

export async function readStream(
  session: RedisSession,
  { address, bindings }: ProtocolTarget,
  { subscriptionId, maxMessageBytes }: ProtocolContext,
  inbox: Inbox,
): Promise<Session> {
  const binding = { level: "channel", protocol: "redis", values: bindings.channel } as const;
  const shared = stringOf(binding, "group");
  const group = shared ?? subscriptionId;
  const state = { over: false };
  await session.command("XGROUP", "CREATE", address, group, "$", "MKSTREAM").catch(unlessThere);
  session.onFailure((cause) => inbox.fail(cause));
  const pump = async (): Promise<void> => {
    // First what an earlier connection of this consumer took and did not acknowledge; then what is new.
    let from = "0";
    while (!state.over) {
      const entry = await next(session, address, group, subscriptionId, from);
      if (entry === undefined) from = ">";
      else {
        if (entry.message.payload.length > maxMessageBytes) throw tooLong(maxMessageBytes);
        const acknowledged = await handOver(inbox, entry, (id) =>
          session.command("XACK", address, group, id),
        );
        if (from !== ">" && !acknowledged) from = entry.id;
      }
    }
  };
  pump().catch((error: unknown) => {
    if (!state.over) inbox.fail(error);
  });
  return {
    async close() {
      state.over = true;
      if (shared === undefined) await session.command("XGROUP", "DESTROY", address, group);
    },
    destroy() {
      state.over = true;
      session.destroy();
    },
  };
}

interface Entry {
  readonly id: string;
  readonly message: Omit<IncomingMessage, "ack">;
}

/** Resolves when the message has been taken: true when it was acknowledged. */
function handOver(
  inbox: Inbox,
  { id, message }: Entry,
  acknowledge: (id: string) => Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const ack = async (): Promise<void> => {
      await acknowledge(id);
      resolve(true);
    };
    inbox.deliver({ ...message, ack }, () => resolve(false));
  });
}

async function next(
  session: RedisSession,
  address: string,
  group: string,
  consumer: string,
  from: string,
): Promise<Entry | undefined> {
  const options = ["GROUP", group, consumer, "COUNT", "1", "BLOCK", String(BLOCK)];
  const answer = await session.command("XREADGROUP", ...options, "STREAMS", address, from);
  const entry = at(at(at(at(answer, 0), 1), 0), 0);
  const fields = at(at(at(at(answer, 0), 1), 0), 1);
  if (!Buffer.isBuffer(entry)) return undefined;
  return { id: entry.toString("utf8"), message: messageOf(Array.isArray(fields) ? fields : []) };
}

function messageOf(list: readonly unknown[]): Entry["message"] {
  const fields = new Map<string, Buffer>();
  for (let index = 0; index + 1 < list.length; index += 2) {
    const [name, value] = [list[index], list[index + 1]];
    if (Buffer.isBuffer(name) && Buffer.isBuffer(value)) fields.set(name.toString("utf8"), value);
  }
  const text = (name: string): string | undefined => fields.get(name)?.toString("utf8");
  const payload = fields.get("payload");
  const all = [...fields].map(([name, value]): [string, string] => [name, value.toString("utf8")]);
  const headers = all
    .filter(([name]) => name.startsWith(HEADER))
    .map(([name, value]) => [name.slice(HEADER.length), value]);
  const contentType = payload === undefined ? "application/json" : text("contentType");
  const correlationId = text("correlationId");
  return {
    payload: payload ?? Buffer.from(JSON.stringify(Object.fromEntries(all)), "utf8"),
    headers: Object.fromEntries(headers) as Record<string, string>,
    ...(contentType === undefined ? {} : { contentType }),
    ...(correlationId === undefined ? {} : { correlationId }),
  };
}

function at(value: unknown, index: number): unknown {
  return Array.isArray(value) ? (value as unknown[])[index] : undefined;
}

function unlessThere(error: unknown): void {
  if (!(error instanceof ActivityFailure && error.message.includes("BUSYGROUP"))) throw error;
}
