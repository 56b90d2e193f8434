/** One HTTP/1.1 exchange over a socket of our own: what is sent need not be HTTP at all. */
import { connect, type Socket } from "node:net";

export interface Answer {
  /** 0 when the connection ended without one. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Whether the body is all there, as its framing says. A stream that goes on is not. */
  readonly complete: boolean;
  /** Nothing more came within the patience. */
  readonly late: boolean;
}

export interface SendOptions {
  /** Milliseconds for the whole answer. */
  readonly patience: number;
  /** Milliseconds after which a stream of events is left. */
  readonly streamFor: number;
  /** HEAD: an answer without a body, whatever its headers say. */
  readonly bodiless: boolean;
  /** Says that nothing more will be sent: what is cut short is seen as such. */
  readonly halfClose: boolean;
}

/** Sends bytes and reads one answer. Never rejects: a connection that breaks is an answer of its own. */
export async function exchange(url: URL, bytes: Buffer, options: SendOptions): Promise<Answer> {
  const socket = connect(Number(url.port), url.hostname);
  const chunks: Buffer[] = [];
  const done = Promise.withResolvers<"end" | "late">();
  const timers = [setTimeout(() => done.resolve("late"), options.patience)];
  let streaming = false;
  socket.on("error", () => done.resolve("end"));
  socket.on("close", () => done.resolve("end"));
  socket.on("end", () => done.resolve("end"));
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    const answer = parseAnswer(Buffer.concat(chunks), options.bodiless);
    if (answer.complete) done.resolve("end");
    else if (!streaming && answer.headers.get("content-type")?.startsWith("text/event-stream")) {
      streaming = true;
      timers.push(setTimeout(() => done.resolve("end"), options.streamFor));
    }
  });
  write(socket, bytes, options.halfClose);
  const how = await done.promise;
  for (const timer of timers) clearTimeout(timer);
  socket.destroy();
  return { ...parseAnswer(Buffer.concat(chunks), options.bodiless), late: how === "late" };
}

function write(socket: Socket, bytes: Buffer, halfClose: boolean): void {
  if (halfClose) socket.end(bytes);
  else socket.write(bytes);
}

const NOTHING = { status: 0, headers: new Map<string, string>(), body: Buffer.alloc(0) };

function parseAnswer(bytes: Buffer, bodiless: boolean): Omit<Answer, "late"> {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return { ...NOTHING, complete: false };
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? Number.NaN);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = bytes.subarray(end + 4);
  // 100 Continue comes before the answer.
  if (status === 100) return parseAnswer(rest, bodiless);
  return { status, headers, ...bodyOf(rest, status, headers, bodiless) };
}

function bodyOf(
  rest: Buffer,
  status: number,
  headers: ReadonlyMap<string, string>,
  bodiless: boolean,
): { body: Buffer; complete: boolean } {
  if (bodiless || status === 204 || status === 304) return { body: rest, complete: true };
  const length = headers.get("content-length");
  if (length !== undefined) {
    return { body: rest.subarray(0, Number(length)), complete: rest.length >= Number(length) };
  }
  if (headers.get("transfer-encoding") === "chunked") return unchunked(rest);
  return { body: rest, complete: false };
}

function unchunked(rest: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = rest.indexOf("\r\n", at);
    const size = line === -1 ? Number.NaN : Number.parseInt(rest.toString("latin1", at, line), 16);
    if (Number.isNaN(size)) return { body: Buffer.concat(parts), complete: false };
    if (size === 0) return { body: Buffer.concat(parts), complete: true };
    parts.push(rest.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
