/**
 * NATS, core: a subject, headers, at most once. The queue group of the operation's binding (`queue`) is joined, so that the
 * subscribers of a group share the messages. NATS keeps nothing for who is not there: what is published while no subscription is
 * open, or while a server restarts, does not come.
 */
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/nats-core";
import { errors, headers as newHeaders } from "@nats-io/nats-core";
import { NatsConnectionImpl, setTransportFactory } from "@nats-io/nats-core/internal";
import type { Json } from "@millrace/language";
import { badArgument } from "../../arguments.ts";
import { ActivityFailure } from "../../failure.ts";
import { stringOf } from "../bindings.ts";
import {
  type OutgoingMessage,
  placeOf,
  PREFETCH,
  type Protocol,
  type ProtocolContext,
  type ProtocolTarget,
} from "../protocol.ts";
import {
  connectionLost,
  type Inbox,
  inSession,
  type Session,
  subscription,
  tooLong,
} from "../session.ts";
import { Unrepeated } from "../unrepeated.ts";
import { type DoorOptions, DoorTransport } from "./transport.ts";

setTransportFactory({ factory: () => new DoorTransport(), defaultPort: 4222 });

const CONTENT_TYPE = "Content-Type";
const CORRELATION = "Correlation-Id";
/** JetStream's name for what lets a server drop a repetition. */
const MESSAGE_ID = "Nats-Msg-Id";

export const nats: Protocol = {
  publish: (target, message, context) =>
    inSession(
      context,
      (signal) => connect(target, context, signal),
      (session) => publish(session, target, message),
    ),
  subscribe: (target, context) =>
    subscription(context, async (inbox, signal) => {
      const session = await connect(target, context, signal);
      try {
        await listen(session, target, inbox, context.maxMessageBytes);
        return session;
      } catch (error) {
        session.destroy();
        throw error;
      }
    }),
};

interface NatsSession extends Session {
  readonly connection: NatsConnection;
  readonly transport: DoorTransport;
}

async function connect(
  target: ProtocolTarget,
  { door, maxMessageBytes }: ProtocolContext,
  signal: AbortSignal,
): Promise<NatsSession> {
  const { username, password, token } = target.credentials;
  let transport: DoorTransport | undefined;
  const abort = (): void => transport?.discard();
  const options: DoorOptions = {
    // Never looked up: the door connects.
    servers: "127.0.0.1:4222",
    name: "millrace",
    reconnect: false,
    ignoreClusterUpdates: true,
    ...(token === undefined ? {} : { token }),
    ...(username === undefined ? {} : { user: username, pass: password ?? "" }),
    millrace: {
      open: () => door.connect(placeOf(target), signal),
      secure: target.secure,
      servername: target.host,
      maxMessageBytes,
      made: (made) => {
        transport = made;
      },
    },
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    const connection = await NatsConnectionImpl.connect(options);
    signal.throwIfAborted();
    return {
      connection,
      transport: transport as unknown as DoorTransport,
      close: () => connection.close(),
      destroy: () => {
        abort();
        connection.close().catch(() => {});
      },
    };
  } catch (error) {
    abort();
    throw signal.aborted ? signal.reason : explain(error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function publish(
  { connection }: NatsSession,
  { address }: ProtocolTarget,
  message: OutgoingMessage,
): Promise<void> {
  const limit = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (message.payload.length > limit)
    throw badArgument("message.payload", `is larger than the ${limit} bytes that the server takes`);
  const headers = newHeaders();
  headers.set(CONTENT_TYPE, message.contentType);
  headers.set(MESSAGE_ID, message.messageId);
  if (message.correlationId !== undefined) headers.set(CORRELATION, message.correlationId);
  for (const [name, value] of Object.entries(message.headers)) headers.set(name, value);
  const refused = refusal(connection);
  try {
    connection.publish(address, message.payload, { headers });
    // The answer to this comes after what the server has to say against the message.
    await Promise.race([connection.flush(), refused]);
    // An error is told in a turn of its own.
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), refused]);
  } catch (error) {
    throw explain(error);
  }
}

/** Rejects when the server says no, or the connection ends. */
async function refusal(connection: NatsConnection): Promise<never> {
  for await (const status of connection.status()) {
    if (status.type === "error") throw status.error;
  }
  throw (await connection.closed()) ?? connectionLost();
}

async function listen(
  { connection, transport }: NatsSession,
  { address, bindings }: ProtocolTarget,
  inbox: Inbox,
  maxMessageBytes: number,
): Promise<void> {
  const binding = { level: "operation", protocol: "nats", values: bindings.operation } as const;
  const queue = stringOf(binding, "queue");
  const received = new Unrepeated(inbox, () => {
    if (received.count < PREFETCH) transport.hold(false);
  });
  const callback = (error: Error | null, message: Msg): void => {
    if (error !== null) return received.fail(explain(error));
    transport.delivered();
    if (message.data.length > maxMessageBytes) return received.fail(tooLong(maxMessageBytes));
    received.deliver({
      payload: Uint8Array.from(message.data),
      headers: headersOf(message.headers),
      ...named("contentType", message.headers, CONTENT_TYPE),
      ...named("correlationId", message.headers, CORRELATION),
    });
    if (received.count >= PREFETCH) transport.hold(true);
  };
  connection.subscribe(address, { callback, ...(queue === undefined ? {} : { queue }) });
  refusal(connection).catch((error: unknown) => received.fail(explain(error)));
  // From now on the server sends what is published.
  await connection.flush();
}

function headersOf(given: MsgHdrs | undefined): Record<string, Json> {
  const names = given?.keys() ?? [];
  return Object.fromEntries(names.map((name) => [name, given?.values(name).join(", ") ?? ""]));
}

function named<K extends string>(
  key: K,
  headers: MsgHdrs | undefined,
  name: string,
): { readonly [key in K]?: string } {
  return headers?.has(name) ? ({ [key]: headers.get(name) } as { [key in K]: string }) : {};
}

/** The library's errors by what they mean for a workflow; its texts hold no credentials. */
function explain(error: unknown): unknown {
  if (
    error instanceof errors.PermissionViolationError ||
    error instanceof errors.AuthorizationError
  ) {
    const kind = error instanceof errors.AuthorizationError ? "authentication" : "authorization";
    return new ActivityFailure(kind, `the server refuses: ${error.message}`);
  }
  if (error instanceof errors.UserAuthenticationExpiredError)
    return new ActivityFailure("authentication", "the server refuses the user");
  if (error instanceof errors.InvalidSubjectError)
    return new ActivityFailure("configuration", "the channel's address is no subject of NATS");
  if (error instanceof errors.ClosedConnectionError) return connectionLost();
  return error;
}
