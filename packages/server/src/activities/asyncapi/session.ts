/**
 * What brokers' protocols have in common: a publish that is bounded in time, and a subscription between a client library that
 * calls back and a caller who iterates.
 *
 * A subscription is idle until the first `next()`, which opens the session. From then on it is open until it fails (the broker,
 * the signal) or its caller leaves; either closes the session, and `next()` and `return()` settle only when that is done. What
 * waits in memory when it fails is dropped: it has no acknowledgement and comes again.
 */
import { ActivityFailure } from "../failure.ts";
import { withTimeLimit } from "../time-limit.ts";
import type { IncomingMessage, ProtocolContext } from "./protocol.ts";

/** Milliseconds from the first packet to a session that works, and from a message sent to its confirmation. */
export const ANSWER_LIMIT = 20_000;
/** Milliseconds that a broker has to say goodbye. */
const GOODBYE_LIMIT = 2_000;

/** An open session with a broker. */
export interface Session {
  /** Says goodbye. Need not be bounded in time. */
  close(): Promise<void>;
  /** Closes every socket and timer at once; any number of times. */
  destroy(): void;
}

/** Where a session puts what happens to it. */
export interface Inbox {
  /** @param passed called when the next message is asked for and this one has not been acknowledged */
  deliver(message: IncomingMessage, passed?: () => void): void;
  /** Ends the subscription with this; the first one counts. */
  fail(cause: unknown): void;
}

/** Opens a session, does `work` in it and closes it. @throws what either throws, or the reason of the signal or time limit */
export function inSession<T extends Session, R>(
  context: ProtocolContext,
  open: (signal: AbortSignal) => Promise<T>,
  work: (session: T) => Promise<R>,
): Promise<R> {
  return withTimeLimit(context.clock, ANSWER_LIMIT, context.signal, async (signal) => {
    const session = await open(signal);
    try {
      const result = await abortable(work(session), signal);
      await goodbye(session, context);
      return result;
    } finally {
      session.destroy();
    }
  });
}

/** `open` may deliver before it resolves; when it rejects or its signal aborts it has left nothing open. */
export function subscription(
  context: ProtocolContext,
  open: (inbox: Inbox, signal: AbortSignal) => Promise<Session>,
): AsyncIterable<IncomingMessage> {
  return {
    [Symbol.asyncIterator]: () => new Subscription(context, open),
  };
}

class Subscription implements AsyncIterator<IncomingMessage, undefined>, Inbox {
  readonly #context: ProtocolContext;
  readonly #open: (inbox: Inbox, signal: AbortSignal) => Promise<Session>;
  readonly #leave = new AbortController();
  readonly #waiting: { readonly message: IncomingMessage; readonly passed: () => void }[] = [];
  #passed: (() => void) | undefined;
  #opening: Promise<Session | undefined> | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(
    context: ProtocolContext,
    open: (inbox: Inbox, signal: AbortSignal) => Promise<Session>,
  ) {
    this.#context = context;
    this.#open = open;
  }

  deliver(message: IncomingMessage, passed: () => void = () => undefined): void {
    this.#waiting.push({ message, passed });
    this.#wake();
  }

  fail(cause: unknown): void {
    this.#failure ??= { cause };
    // Whoever holds a message now may take a while to ask for the next one.
    void this.#opening?.then((session) => session?.destroy());
    this.#wake();
  }

  async next(): Promise<IteratorResult<IncomingMessage, undefined>> {
    this.#passed?.();
    this.#passed = undefined;
    if (!this.#ended) this.#opening ??= this.#start();
    for (;;) {
      if (this.#ended) return { done: true, value: undefined };
      if (this.#failure !== undefined) {
        await this.#end();
        throw this.#failure.cause;
      }
      const first = this.#waiting.shift();
      if (first !== undefined)
        return { done: false, value: this.#hand(first.message, first.passed) };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<IncomingMessage, undefined>> {
    await this.#end();
    return { done: true, value: undefined };
  }

  #hand(message: IncomingMessage, passed: () => void): IncomingMessage {
    this.#passed = passed;
    return {
      ...message,
      ack: async () => {
        this.#passed = undefined;
        try {
          if (this.#failure !== undefined) throw this.#failure.cause;
          await message.ack();
        } catch (error) {
          throw this.#failure === undefined ? error : this.#failure.cause;
        }
      },
    };
  }

  async #start(): Promise<Session | undefined> {
    const { clock, signal } = this.#context;
    signal.addEventListener("abort", this.#aborted);
    if (signal.aborted) this.#aborted();
    try {
      const { signal: leave } = this.#leave;
      const open = (limited: AbortSignal): Promise<Session> => this.#open(this, limited);
      return await withTimeLimit(clock, ANSWER_LIMIT, leave, open);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  readonly #aborted = (): void => this.fail(this.#context.signal.reason);

  async #end(): Promise<void> {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#wake();
    this.#context.signal.removeEventListener("abort", this.#aborted);
    this.#leave.abort(new Error("the subscription has ended"));
    const session = await this.#opening;
    if (session === undefined) return;
    try {
      if (this.#failure === undefined) await goodbye(session, this.#context);
    } finally {
      session.destroy();
    }
  }
}

/** What was sent before is at the broker, or this has taken too long: then it is as if the connection had broken. */
async function goodbye(
  session: Session,
  { clock, signal }: Pick<ProtocolContext, "clock" | "signal">,
): Promise<void> {
  await withTimeLimit(clock, GOODBYE_LIMIT, signal, (limited) =>
    abortable(session.close(), limited),
  ).catch(() => undefined);
}

/** As `work`, or the signal's reason when that is sooner. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** What a message that is too long to be taken ends its subscription with. */
export function tooLong(limit: number): ActivityFailure {
  const detail = `a message is longer than ${limit} bytes`;
  return new ActivityFailure("communication", detail, { status: 413 });
}

/** The connection has ended, and nobody said why. */
export function connectionLost(): ActivityFailure {
  return new ActivityFailure("communication", "the connection was closed", { status: 502 });
}
