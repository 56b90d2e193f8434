import {
  type History,
  type HistoryEvent,
  type Instance,
  type InstanceList,
  type InstanceSummary,
  isFinal,
  type Json,
  parseDuration,
  type PriorityName,
  type StartedInstance,
  type Status,
} from "@millrace/protocol";
import { MillraceError } from "./error.ts";
import { follow, type FollowOptions } from "./follow.ts";
import { everyRow } from "./pages.ts";
import type { Call, Transport } from "./transport.ts";
import { addressOf, type WorkflowRef } from "./workflows.ts";

export interface StartOptions extends WorkflowRef {
  /** `{}` unless given. */
  readonly input?: Json;
  /** `P0` goes first, `P4` last; the workflow's own unless given, and `P2` when that has none. */
  readonly priority?: PriorityName;
  /**
   * At most one instance of the workflow is ever started for a key: give the order's number and a repeated order starts
   * nothing. Without one, the client makes a key of its own, so that its retries start nothing twice.
   */
  readonly idempotencyKey?: string;
  /** W3C Trace Context: the span that the instance's is a child of. What cannot be read counts as absent. */
  readonly traceparent?: string;
  /** Passed on with `traceparent`. */
  readonly tracestate?: string;
  readonly signal?: AbortSignal;
}

export interface RetryFrom {
  /** The name of a task in the failed task's list or a list around it, or its reference. */
  readonly from?: string;
  /** That task's raw input, in place of the failed task's. */
  readonly input?: Json;
}

export interface InstanceFilter {
  readonly namespace?: string;
  readonly name?: string;
  readonly version?: string;
  readonly status?: readonly Status[];
  readonly priority?: readonly PriorityName[];
  /** Created at or after. */
  readonly since?: Date;
  /** Created before. */
  readonly until?: Date;
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/** Milliseconds for which a server is asked to hold the answer to who waits. */
const HELD_MS = 30_000;

/** `/v1/instances`. Methods reject with a {@link MillraceError}. */
export class Instances {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resolves when the start is durable. */
  start(options: StartOptions): Promise<StartedInstance> {
    return this.#transport.json(startCall(options));
  }

  /**
   * Starts, and waits at most `wait` (such as `30s`) for the end.
   * @returns the instance as it stands then: see `status`
   */
  startAndWait(options: StartOptions & { readonly wait: string }): Promise<Instance> {
    const { wait } = options;
    const held = parseDuration(wait);
    if (held === undefined) throw new TypeError(`wait: ${wait}: expected one such as 30s`);
    return this.#transport.json({ ...startCall(options), query: { wait }, held });
  }

  get(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Instance> {
    return this.#transport.json({ method: "GET", path: pathOf(id), signal: options.signal });
  }

  /** Every instance that passes the filter, newest first. */
  list(filter: InstanceFilter = {}): AsyncGenerator<InstanceSummary, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: InstanceFilter & { readonly cursor?: string } = {}): Promise<InstanceList> {
    const { since, until, ...rest } = filter;
    const query = { ...rest, since: since?.toISOString(), until: until?.toISOString() };
    return this.#transport.json({ method: "GET", path: "/v1/instances", query });
  }

  /** The facts so far, oldest first. */
  async *history(
    id: string,
    options: { readonly after?: number } = {},
  ): AsyncGenerator<HistoryEvent, void, undefined> {
    const path = `${pathOf(id)}/history`;
    let after = options.after;
    do {
      const page: History = await this.#transport.json({ method: "GET", path, query: { after } });
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  /** The facts so far and those to come, until the instance has ended; goes on by itself over lost connections. */
  events(id: string, options: FollowOptions = {}): AsyncGenerator<HistoryEvent, void, undefined> {
    return follow(this.#transport, `${pathOf(id)}/events`, options);
  }

  /** Resolves when the instance has ended. */
  async wait(id: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Instance> {
    const call: Call = { method: "GET", path: pathOf(id), signal };
    const waiting: Call = { ...call, query: { wait: `${HELD_MS}ms` }, held: HELD_MS };
    for (;;) {
      const instance: Instance = await this.#transport.json(waiting);
      if (isFinal(instance.status)) return instance;
      // A server that shuts down answers at once; asked at once again, it would be kept busy with it.
      await this.#transport.pause(0, signal);
    }
  }

  /** An instance that is cancelled already stays so: the answer to an earlier try may have been lost. */
  async cancel(id: string, options: { readonly reason?: string } = {}): Promise<Instance> {
    try {
      return await this.#signal(id, "cancel", options.reason);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== "instance-terminal") throw error;
      const instance = await this.get(id);
      if (instance.status === "cancelled") return instance;
      throw error;
    }
  }
  suspend(id: string, options: { readonly reason?: string } = {}): Promise<Instance> {
    return this.#signal(id, "suspend", options.reason);
  }
  resume(id: string, options: { readonly reason?: string } = {}): Promise<Instance> {
    return this.#signal(id, "resume", options.reason);
  }

  /**
   * Lets a faulted instance go on from the task that failed, or from another. An answer that is lost is asked for again: it
   * is retried once.
   */
  retry(id: string, { from, input }: RetryFrom = {}): Promise<Instance> {
    return this.#transport.json({
      method: "POST",
      path: `${pathOf(id)}/retry`,
      headers: { "content-type": "application/json", "idempotency-key": crypto.randomUUID() },
      body: JSON.stringify({ from, input }),
    });
  }

  #signal(id: string, action: string, reason: string | undefined): Promise<Instance> {
    return this.#transport.json({
      method: "POST",
      path: `${pathOf(id)}/${action}`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(reason === undefined ? {} : { reason }),
    });
  }
}

function pathOf(id: string): string {
  return `/v1/instances/${encodeURIComponent(id)}`;
}

function startCall(options: StartOptions): Call {
  const { namespace, name, version, input, priority, signal, traceparent, tracestate } = options;
  const idempotencyKey = options.idempotencyKey ?? crypto.randomUUID();
  return {
    method: "POST",
    path: `${addressOf({ namespace, name })}/instances`,
    headers: {
      "content-type": "application/json",
      "idempotency-key": idempotencyKey,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(tracestate === undefined ? {} : { tracestate }),
    },
    body: JSON.stringify({
      ...(input === undefined ? {} : { input }),
      ...(version === undefined ? {} : { version }),
      ...(priority === undefined ? {} : { priority }),
    }),
    signal,
  };
}
