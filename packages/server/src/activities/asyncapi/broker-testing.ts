/** Shared by the tests of protocols: targets, contexts, and peers that misbehave. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { systemClock } from "../../clock.ts";
import { egressDoor } from "../egress/door.ts";
import { parseOrigins } from "../egress/origins.ts";
import { type EgressConfig, egressPolicy } from "../egress/policy.ts";
import { networkFailure } from "../http/network-error.ts";
import type { Resolve } from "../egress/resolve.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type {
  IncomingMessage,
  OutgoingMessage,
  Protocol,
  ProtocolContext,
  ProtocolTarget,
} from "./protocol.ts";

const noBindings = { server: {}, channel: {}, operation: {}, message: {} };

/** A target on 127.0.0.1 without authentication. */
export function targetOf(
  protocol: string,
  port: number,
  address: string,
  more: Partial<Omit<ProtocolTarget, "bindings">> & {
    readonly bindings?: Partial<ProtocolTarget["bindings"]>;
  } = {},
): ProtocolTarget {
  return {
    protocol,
    secure: false,
    host: "127.0.0.1",
    port,
    pathname: "",
    address,
    credentials: {},
    ...more,
    bindings: { ...noBindings, ...more.bindings },
  };
}

export interface ContextOptions extends Partial<ProtocolContext> {
  readonly egress?: EgressConfig;
  /** Name resolution; the system's unless given. */
  readonly resolve?: Resolve;
  /** Every wait is over after this many milliseconds, however long it is meant to be. */
  readonly haste?: number;
}

/** A context that may go to loopback; the test ends with no TCP socket open. */
export function contextOf(t: TestContext, options: ContextOptions = {}): ProtocolContext {
  const { egress = { allowLoopback: true }, resolve, ...others } = options;
  const { haste = Number.POSITIVE_INFINITY, ...more } = others;
  const system = systemClock();
  const after: typeof system.after = (ms, run) => system.after(Math.min(ms, haste), run);
  const clock = { ...system, after };
  const door = egressDoor({
    policy: egressPolicy(egress),
    origins: parseOrigins({}),
    ...(resolve === undefined ? {} : { resolve }),
  });
  // A broker's protocol has no use for HTTP.
  const send = (): Promise<never> => Promise.reject(new Error("no HTTP here"));
  t.after(noSockets);
  return {
    door,
    transport: { limits: DEFAULT_LIMITS, send, open: send },
    clock,
    signal: new AbortController().signal,
    maxMessageBytes: 1_000_000,
    subscriptionId: `test-${Math.random().toString(36).slice(2)}`,
    ...more,
  };
}

/** A name that no other resolution knows; the second time it is asked for, it is the metadata address of clouds. */
export function rebinding(): { readonly host: string; readonly resolve: Resolve } {
  let asked = 0;
  return {
    host: "broker.invalid",
    resolve: async () => {
      asked += 1;
      return [{ address: asked === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }];
    },
  };
}

/** What closes the peers of the test under way. */
const peers = new Set<() => void>();

/** Resolves when this process has no TCP connection and no listener; fails when that takes five seconds. */
export async function noSockets(): Promise<void> {
  for (const close of peers) close();
  peers.clear();
  const end = performance.now() + 5_000;
  const open = (): string[] =>
    process.getActiveResourcesInfo().filter((kind) => /^T(CP|LS)/.test(kind));
  while (open().length > 0) {
    assert.ok(performance.now() < end, `still open: ${open().join()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function outgoing(text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    payload: Buffer.from(text),
    contentType: "text/plain",
    headers: {},
    messageId: "id-1",
    ...more,
  };
}

/** The failure of a promise, as a call makes it: `communication 503: the broker: text`. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    (value) => assert.fail(`unexpectedly resolved: ${String(value)}`),
    (cause: unknown) => cause,
  );
  const { kind, status, message } = networkFailure(error, "the broker");
  return `${kind} ${status}: ${message}`;
}

/** Begins to take what comes. */
export function subscribed(
  protocol: Protocol,
  target: ProtocolTarget,
  context: ProtocolContext,
): Required<AsyncIterator<IncomingMessage>> {
  const messages = protocol.subscribe(target, context);
  return messages[Symbol.asyncIterator]() as Required<AsyncIterator<IncomingMessage>>;
}

/** The next message as text. */
export async function nextText(messages: AsyncIterator<IncomingMessage>): Promise<string> {
  return Buffer.from((await nextOf(messages)).payload).toString();
}

export async function nextOf(messages: AsyncIterator<IncomingMessage>): Promise<IncomingMessage> {
  const { done, value } = await messages.next();
  assert.notEqual(done, true);
  return value as IncomingMessage;
}

/** A server on loopback that does what `serve` says with each connection; closed with the test's context. */
export async function peer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  peers.add(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}
