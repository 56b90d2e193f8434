/** A connection to a Redis server at an address that the egress door has judged. */
import { isIP } from "node:net";
import { createClient, ErrorReply, RESP_TYPES } from "@redis/client";
import { ActivityFailure } from "../../failure.ts";
import { placeOf, type ProtocolContext, type ProtocolTarget } from "../protocol.ts";
import { abortable, connectionLost, type Session } from "../session.ts";

export type RedisArgument = string | Buffer;

export interface RedisSession extends Session {
  /** One command; strings of its answer as bytes. @throws {ActivityFailure} for an error of the server */
  command(...parts: readonly RedisArgument[]): Promise<unknown>;
  /** Payloads as bytes, in order. */
  listen(channel: string, listener: (payload: Buffer) => void): Promise<void>;
  /** Told of the end of the connection. */
  onFailure(listener: (cause: unknown) => void): void;
}

export async function openRedis(
  target: ProtocolTarget,
  { door, transport }: ProtocolContext,
  signal: AbortSignal,
): Promise<RedisSession> {
  const { addresses, port, servername } = await door.pin(placeOf(target));
  let last: unknown;
  for (const { address } of addresses) {
    try {
      const limit = transport.limits.connectTimeout;
      return await connect(target, { address, port, servername, limit }, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      last = error;
    }
  }
  throw last;
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly servername: string;
  readonly limit: number;
}

async function connect(
  { secure, credentials }: ProtocolTarget,
  { address, port, servername, limit }: Place,
  signal: AbortSignal,
): Promise<RedisSession> {
  const { username, password, token } = credentials;
  const secret = password ?? token;
  const named = isIP(servername) === 0 ? { servername } : {};
  const place = { host: address, port, connectTimeout: limit, reconnectStrategy: false as const };
  const client = createClient({
    RESP: 2,
    socket: secure ? { ...place, ...named, tls: true } : place,
    ...(username === undefined || username === "" ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
    // Otherwise a command of a lost connection waits for another.
    disableOfflineQueue: true,
    disableClientInfo: true,
  });
  const failures: ((cause: unknown) => void)[] = [];
  let failure: { readonly cause: unknown } | undefined;
  const fail = (cause: unknown): void => {
    failure ??= { cause };
    for (const listener of failures) listener(cause);
  };
  client.on("error", (error) => fail(explain(error)));
  client.on("end", () => fail(connectionLost()));
  const destroy = (): void => client.destroy();
  try {
    await abortable(client.connect(), signal);
  } catch (error) {
    destroy();
    throw explain(error);
  }
  const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    async command(...parts) {
      try {
        return await bytes.sendCommand([...parts]);
      } catch (error) {
        throw explain(error);
      }
    },
    async listen(channel, listener) {
      await client.subscribe(channel, (payload) => listener(payload), true);
    },
    onFailure(listener) {
      if (failure !== undefined) listener(failure.cause);
      failures.push(listener);
    },
    close: async () => destroy(),
    destroy,
  };
}

/** What the server says begins with a word for its kind: `WRONGPASS`, `NOAUTH`, `NOPERM`, `WRONGTYPE`. */
function explain(error: unknown): unknown {
  if (!(error instanceof ErrorReply)) return error;
  const kind = /^[A-Z]+/.exec(error.message)?.[0] ?? "ERR";
  const detail = `the server refuses: ${error.message}`;
  if (kind === "WRONGPASS" || kind === "NOAUTH")
    return new ActivityFailure("authentication", detail);
  if (kind === "NOPERM") return new ActivityFailure("authorization", detail);
  return new ActivityFailure("communication", detail, { status: 502 });
}
