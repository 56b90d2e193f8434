/** One AMQP connection to an address that the egress boundary permits: never made anew, and gone with everything it holds. */
import { isIP, type LookupFunction, type Socket } from "node:net";
import { type Channel, type ChannelModel, connect } from "amqplib";
import type { Pinned } from "../../egress/door.ts";
import { ActivityFailure } from "../../failure.ts";
import { placeOf, type ProtocolContext, type ProtocolTarget } from "../protocol.ts";
import { abortable, connectionLost, type Session } from "../session.ts";
import { virtualHostOf } from "./options.ts";

/** Seconds between two signs of life. */
const HEARTBEAT = 30;

export interface AmqpSession extends Session {
  readonly model: ChannelModel;
  readonly socket: Socket;
  /** Rejects when the connection or a channel given to {@link watch} fails; never resolves. */
  readonly failed: Promise<never>;
  watch(channel: Channel): void;
}

/** @throws {ActivityFailure}, or an error of the network */
export async function openAmqp(
  target: ProtocolTarget,
  context: ProtocolContext,
  signal: AbortSignal,
): Promise<AmqpSession> {
  const vhost = virtualHostOf(target);
  const kill = new AbortController();
  const way = await wayTo(target, context, signal, kill);
  const { username, password, token } = target.credentials;
  // A token is what brokers with OAuth 2 take as the password.
  const secret = password ?? token;
  const login =
    username === undefined && secret === undefined
      ? {}
      : { username: username ?? "", password: secret ?? "" };
  const options = { ...login, vhost: encodeURIComponent(vhost), heartbeat: HEARTBEAT };
  try {
    const connecting = connect({ ...way.url, ...options }, { ...way.options, noDelay: true });
    // When it comes too late nobody is left to take it, or its failure.
    connecting.catch(() => undefined);
    const model = await abortable(connecting, signal);
    return sessionOf(model, () => kill.abort());
  } catch (error) {
    kill.abort();
    throw signal.aborted ? signal.reason : refusal(error, vhost);
  }
}

/**
 * The library connects by itself. Without TLS it is given addresses in place of name resolution; with TLS, a socket that is
 * open already.
 */
async function wayTo(
  target: ProtocolTarget,
  { door }: ProtocolContext,
  signal: AbortSignal,
  kill: AbortController,
) {
  if (target.secure) {
    const socket = await door.connect(placeOf(target), signal);
    kill.signal.addEventListener("abort", () => socket.destroy(), { once: true });
    const { host: hostname, port } = target;
    return { url: { protocol: "amqps", hostname, port }, options: { socket } };
  }
  const pinned = await door.pin(placeOf(target));
  const { servername, port, addresses } = pinned;
  const hostname = isIP(servername) === 0 ? servername : (addresses[0]?.address ?? servername);
  const options = { lookup: lookupOf(pinned), signal: kill.signal };
  return { url: { protocol: "amqp", hostname, port }, options };
}

function lookupOf({ addresses }: Pinned): LookupFunction {
  return (_name, options, callback) => {
    if (options.all === true) return callback(null, [...addresses]);
    const first = addresses[0];
    callback(null, first?.address ?? "", first?.family);
  };
}

function sessionOf(model: ChannelModel, destroy: () => void): AmqpSession {
  // Undeclared, and the only way to see how much has come.
  const socket = Reflect.get(model.connection, "stream") as Socket;
  let fail: (cause: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  model.on("error", (error) => fail(refusal(error)));
  model.on("close", () => fail(connectionLost()));
  return {
    model,
    socket,
    failed,
    watch(channel) {
      channel.on("error", (error) => fail(refusal(error)));
      channel.on("close", () => fail(connectionLost()));
    },
    close: () => model.close(),
    destroy,
  };
}

/** Reply codes of the protocol (section 1.2 of the reference). */
const REPLIES: Readonly<
  Record<number, readonly [kind: "authorization" | "communication", status: number, text: string]>
> = {
  311: ["communication", 413, "the broker says that the message is too large"],
  320: ["communication", 503, "the broker closed the connection"],
  402: ["authorization", 403, "the broker does not know the virtual host"],
  403: ["authorization", 403, "the broker refused access"],
  404: ["communication", 404, "the broker knows no such exchange or queue"],
  405: ["communication", 423, "the queue belongs to another connection"],
  406: ["communication", 412, "the broker says that a precondition failed"],
  530: ["authorization", 403, "the broker does not allow it"],
};

/** What the library's errors mean; those of the network stay as they are. */
function refusal(error: unknown, connectingTo?: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === "string") return error;
  const reply = typeof code === "number" ? code : Number(/\b(\d{3}) \(/.exec(error.message)?.[1]);
  if (connectingTo !== undefined && /Handshake terminated/.test(error.message))
    return new ActivityFailure("authentication", `the broker refused the login (${reply})`);
  if (connectingTo !== undefined && /got <ConnectionClose/.test(error.message)) {
    const detail = `the broker refused the virtual host ${connectingTo}`;
    return new ActivityFailure("authorization", detail);
  }
  const known = REPLIES[reply];
  if (known !== undefined) {
    const [kind, status, text] = known;
    return new ActivityFailure(kind, `${text} (${reply})`, { status });
  }
  if (connectingTo === undefined || /Socket closed|ended/.test(error.message))
    return connectionLost();
  return new ActivityFailure("communication", "the peer does not speak AMQP 0-9-1", {
    status: 502,
  });
}
