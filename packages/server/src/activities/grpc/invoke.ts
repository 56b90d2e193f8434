/** One RPC on a channel. All four kinds of methods are the same on the wire: messages go, messages come, a status ends it. */
import {
  type ClientDuplexStream,
  connectivityState,
  type Metadata,
  type StatusObject,
  status as Status,
} from "@grpc/grpc-js";
import type { Clock } from "../../clock.ts";
import { ActivityFailure } from "../failure.ts";
import { tooLarge } from "../http/compression.ts";
import { networkFailure } from "../http/network-error.ts";
import type { Channels, GrpcTarget, Lease } from "./channels.ts";
import { statusFailure } from "./status.ts";

export interface Invocation {
  readonly target: GrpcTarget;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** `grpc://host:port/package.Service/Method`, for errors. */
  readonly name: string;
  readonly messages: readonly Uint8Array[];
  readonly metadata: Metadata;
  /** When the server may stop working on it. */
  readonly deadline: Date;
  /** Takes each message of the answer. What it throws ends the call. */
  readonly onMessage: (bytes: Buffer) => void;
}

export interface InvokeConfig {
  readonly channels: Channels;
  readonly clock: Pick<Clock, "after">;
  /** Milliseconds until there is a connection. */
  readonly connectTimeout: number;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
}

type Call = ClientDuplexStream<Buffer, Buffer>;

/** @throws {ActivityFailure} when the status is not OK, or there is none */
export async function invoke(
  invocation: Invocation,
  config: InvokeConfig,
  signal: AbortSignal,
): Promise<void> {
  let lease: Lease | undefined;
  let broken = false;
  try {
    signal.throwIfAborted();
    lease = await config.channels.lease(invocation.target, signal);
    const { client } = lease;
    const isReady = (): boolean =>
      client.getChannel().getConnectivityState(false) === connectivityState.READY;
    const { path, metadata, deadline } = invocation;
    const call: Call = client.makeBidiStreamRequest(path, identity, identity, metadata, {
      deadline,
    });
    let foreign = false;
    call.once("metadata", (headers: Metadata) => {
      const [type = "application/grpc"] = headers.get("content-type");
      foreign = !/^application\/grpc\b/.test(String(type));
    });
    const ended = await converse(call, invocation, lease.signal, (fail) =>
      config.clock.after(config.connectTimeout, () => {
        if (isReady()) return;
        broken = true;
        fail(new ActivityFailure("timeout", "no connection in time"));
      }),
    );
    broken = ended.code === Status.UNAVAILABLE && !isReady();
    if (ended.code === Status.OK) return;
    if (foreign && !ended.details.startsWith("Received HTTP status")) throw notGrpc();
    throw failureOf(ended, broken, config.maxMessageBytes);
  } catch (error) {
    throw networkFailure(signal.aborted ? signal.reason : error, invocation.name);
  } finally {
    lease?.release(broken);
  }
}

/** Sends and receives everything; the status that the call ends with. Whatever else ends it cancels it. */
function converse(
  call: Call,
  { messages, onMessage }: Invocation,
  signal: AbortSignal,
  watch: (fail: (error: Error) => void) => () => void,
): Promise<StatusObject> {
  return new Promise((resolve, reject) => {
    let status: StatusObject | undefined;
    let complete = false;
    const unwatch = watch((error) => end(() => reject(error)));
    const abort = (): void => end(() => reject(signal.reason as Error));
    const end = (settle: () => void): void => {
      unwatch();
      signal.removeEventListener("abort", abort);
      call.removeListener("data", take);
      if (status === undefined) call.cancel();
      settle();
    };
    const take = (bytes: Buffer): void => {
      try {
        onMessage(bytes);
      } catch (error) {
        end(() => reject(error));
      }
    };
    const settleIfOver = (): void => {
      // A failure ends the call at once; success when all that came before it is taken.
      const over = status !== undefined && (complete || status.code !== Status.OK);
      if (over && status !== undefined) end(() => resolve(status as StatusObject));
    };
    signal.addEventListener("abort", abort, { once: true });
    call.on("data", take);
    call.on("end", () => {
      complete = true;
      settleIfOver();
    });
    call.on("status", (given: StatusObject) => {
      status = given;
      settleIfOver();
    });
    // The status says the same, and more; without a listener this would be an uncaught exception.
    call.on("error", () => {});
    if (signal.aborted) return abort();
    for (const message of messages) call.write(bufferOf(message));
    call.end();
  });
}

function failureOf(ended: StatusObject, broken: boolean, limit: number): ActivityFailure | Error {
  const { code, details } = ended;
  // These two are grpc-js's own, for what the other side sent.
  if (code === Status.RESOURCE_EXHAUSTED && /^Received message (larger|that)/.test(details)) {
    return tooLarge(limit);
  }
  if (code === Status.UNAVAILABLE && broken) {
    const [, reason] = /\b(E[A-Z]{4,}|CERT_[A-Z_]+|ERR_(?:SSL|TLS)_[A-Z_]+)\b/.exec(details) ?? [];
    if (reason !== undefined) return Object.assign(new Error("not connected"), { code: reason });
    const [, tls] =
      /Last error: (?:Error: )?([^;]*(?:certificate|SSL|TLS)[^;]*)/.exec(details) ?? [];
    return tls === undefined
      ? new ActivityFailure("communication", "no connection could be made", { status: 503 })
      : new ActivityFailure("communication", `the TLS handshake failed: ${tls.slice(0, 200)}`, {
          status: 502,
        });
  }
  return statusFailure(code, details);
}

function notGrpc(): ActivityFailure {
  return new ActivityFailure("communication", "the answer is not gRPC", { status: 502 });
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
