/**
 * Following an instance's history over server-sent events.
 *
 * The stream is *open* until its last fact; a lost connection, or one that has been silent for longer than the server's
 * heartbeat, is opened again after the last fact seen, so that none is missed and none comes twice.
 */
import type { HistoryEvent } from "@millrace/protocol";
import { MillraceError } from "./error.ts";
import { serverSentEvents } from "./server-sent-events.ts";
import type { Transport } from "./transport.ts";

export interface FollowOptions {
  /** Only facts with a higher `seq`. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/** The server's heartbeat comes every 15 s: without three of them, nobody is there any more. */
const SILENCE_MS = 45_000;
/** With this status the server says that no fact is left to come. */
const NO_CONTENT = 204;
const LAST_FACTS: ReadonlySet<string> = new Set(["workflow.completed", "workflow.cancelled"]);
/** The last, too, unless the instance was retried: then the stream does not end with it. */
const FAULTED = "workflow.faulted";

export async function* follow(
  transport: Transport,
  path: string,
  options: FollowOptions,
): AsyncGenerator<HistoryEvent, void, undefined> {
  let after = options.after ?? 0;
  let faulted = false;
  for (let failures = 0; ; failures++) {
    const silence = new Silence();
    const signal = AbortSignal.any([silence.signal, options.signal ?? silence.signal]);
    try {
      const response = await transport.open({
        method: "GET",
        path,
        query: { after },
        headers: { accept: "text/event-stream" },
        held: Number.POSITIVE_INFINITY,
        signal,
      });
      if (response.status === NO_CONTENT || response.body === null) return;
      for await (const { data } of serverSentEvents(response.body, () => silence.broken())) {
        const fact = JSON.parse(data) as HistoryEvent;
        after = fact.seq;
        failures = 0;
        yield fact;
        if (LAST_FACTS.has(fact.kind)) return;
        faulted = fact.kind === FAULTED;
      }
      if (faulted) return;
    } catch (error) {
      options.signal?.throwIfAborted();
      // What the server refuses stays refused; everything else is the connection.
      if (error instanceof MillraceError) throw error;
    } finally {
      silence.end();
    }
    await transport.pause(failures, options.signal);
  }
}

/** Aborts its signal when nothing is heard for too long. */
class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly signal = this.#controller.signal;

  constructor() {
    this.broken();
  }
  broken(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error("silence")), SILENCE_MS);
  }
  end(): void {
    clearTimeout(this.#timer);
  }
}
