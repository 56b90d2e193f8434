/**
 * WebSockets (RFC 6455): a text or binary frame is a message. A frame has no headers, so those of an outgoing message go with the
 * request that opens the connection, as do credentials. Compression is not offered: a small frame must not become a large one.
 *
 * A publication opens a connection, sends one frame, and has been received when the server answers the ping that follows it. A
 * subscription stops reading while enough messages wait, so a fast server waits as well; it asks the server for a sign of life
 * now and then.
 */
import type { IncomingMessage as HttpAnswer } from "node:http";
import { type RawData, WebSocket } from "ws";
import { ActivityFailure } from "../failure.ts";
import { isJson, mediaType } from "../http/message.ts";
import { isText } from "../http/output.ts";
import { headersOf } from "../http/request.ts";
import { urlOf } from "./http.ts";
import {
  type OutgoingMessage,
  placeOf,
  PREFETCH,
  type Protocol,
  type ProtocolContext,
  type ProtocolTarget,
} from "./protocol.ts";
import {
  connectionLost,
  type Inbox,
  inSession,
  type Session,
  subscription,
  tooLong,
} from "./session.ts";
import { Unrepeated } from "./unrepeated.ts";

/** Milliseconds between two pings of a quiet subscription; the answer has as long. */
const PING_INTERVAL = 30_000;

export const webSocket: Protocol = {
  publish: (target, message, context) =>
    inSession(
      context,
      (signal) => connect(target, context, signal, headersOf(message.headers, "message.headers")),
      (session) => send(session, message),
    ),
  subscribe: (target, context) =>
    subscription(context, async (inbox, signal) => {
      const session = await connect(target, context, signal, {});
      return listen(session, inbox, context);
    }),
};

interface WebSocketSession extends Session {
  readonly socket: WebSocket;
}

async function connect(
  target: ProtocolTarget,
  { door, maxMessageBytes }: ProtocolContext,
  signal: AbortSignal,
  more: Readonly<Record<string, string>>,
): Promise<WebSocketSession> {
  const url = urlOf(target);
  const request = { method: "GET", url, headers: {} };
  const proof = (await target.httpCredentials?.headers(request, signal)) ?? {};
  const tls = target.secure ? { ALPNProtocols: ["http/1.1"] } : undefined;
  const connection = await door.connect(placeOf(target), signal, tls);
  const address = `${target.secure ? "wss" : "ws"}:${url.href.slice(url.protocol.length)}`;
  const socket = new WebSocket(address, {
    createConnection: () => connection,
    headers: { "user-agent": "millrace", ...more, ...proof },
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
  });
  const destroy = (): void => {
    socket.on("error", () => {});
    socket.terminate();
    connection.destroy();
  };
  try {
    await opened(socket, signal);
  } catch (error) {
    destroy();
    throw error;
  }
  // Whoever listens adds a listener; without any an error would be thrown.
  socket.on("error", () => {});
  return { socket, destroy, close: () => closed(socket) };
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const settle = (): void => signal.removeEventListener("abort", abort);
    socket.once("open", () => {
      settle();
      // Until somebody listens: the first frames may have come with the answer.
      socket.pause();
      resolve();
    });
    socket.once("error", (error) => {
      settle();
      reject(explain(error));
    });
    socket.once("unexpected-response", (_, answer: HttpAnswer) => {
      settle();
      const status = answer.statusCode ?? 502;
      const detail = `the server answered ${status} instead of opening a WebSocket`;
      // An answer that is none of the errors is no WebSocket all the same.
      reject(new ActivityFailure("communication", detail, { status: status < 400 ? 502 : status }));
    });
  });
}

function closed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === WebSocket.CLOSED) resolve();
    socket.once("close", () => resolve());
    socket.resume();
    socket.close(1000);
  });
}

function send({ socket }: WebSocketSession, message: OutgoingMessage): Promise<void> {
  const type = mediaType(message.contentType);
  const binary = !(isJson(type) || (type !== undefined && isText(type)));
  return new Promise((resolve, reject) => {
    socket.once("pong", () => resolve());
    socket.once("error", (error) => reject(explain(error)));
    socket.once("close", (code, reason) => {
      if (code === 1000 || code === 1001) resolve();
      else reject(endedWith(code, reason));
    });
    socket.send(message.payload, { binary });
    socket.ping();
    socket.resume();
  });
}

function listen(
  session: WebSocketSession,
  inbox: Inbox,
  { clock, maxMessageBytes }: ProtocolContext,
): Session {
  const { socket } = session;
  const received = new Unrepeated(inbox, () => {
    if (received.count < PREFETCH && socket.isPaused) socket.resume();
  });
  let alive = true;
  let cancel = (): void => {};
  const beat = (): void => {
    if (!alive && !socket.isPaused) {
      received.fail(new ActivityFailure("timeout", "the server gives no sign of life"));
      return;
    }
    alive = false;
    socket.ping();
    cancel = clock.after(PING_INTERVAL, beat);
  };
  socket.on("pong", () => {
    alive = true;
  });
  socket.on("message", (data: RawData) => {
    alive = true;
    const payload = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    received.deliver({ payload, headers: {} });
    if (received.count >= PREFETCH) socket.pause();
  });
  socket.on("error", (error) => received.fail(explain(error, maxMessageBytes)));
  socket.on("close", (code, reason) => received.fail(endedWith(code, reason)));
  socket.resume();
  cancel = clock.after(PING_INTERVAL, beat);
  return {
    close: () => session.close(),
    destroy: () => {
      cancel();
      session.destroy();
    },
  };
}

function endedWith(code: number, reason: Buffer): ActivityFailure {
  // 1006 stands for no closing frame at all.
  if (code === 1006) return connectionLost();
  const said = reason.toString("utf8").slice(0, 100);
  const detail = `the server closed the WebSocket with ${code}${said && ` (${JSON.stringify(said)})`}`;
  return new ActivityFailure("communication", detail, { status: 502 });
}

/** What the library says of frames is of its own kind; what it says of the network is Node's. */
function explain(error: Error, limit = 0): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return tooLong(limit);
  if (code !== "" && !code.startsWith("WS_ERR_")) return error;
  const detail = `the server does not speak WebSocket: ${error.message}`;
  return new ActivityFailure("communication", detail, { status: 502 });
}
