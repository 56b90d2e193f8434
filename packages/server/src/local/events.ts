/**
 * Brings events to the instances of one process that listen for them, as a server does with its tables: each event once to
 * each instance, in the order they came, and those that came before the listen too.
 */
import type { SubscribedFilter } from "@millrace/engine";
import {
  compileEventFilter,
  deepEqual,
  type EvaluationContext,
  type JsonObject,
  type Program,
  type SharedEventFilter,
} from "@millrace/language";

/** Is sent an event, later and in order: never while `set` or `publish` is under way. */
export type Deliver = (seq: number, event: JsonObject) => void;

interface Listener {
  readonly deliver: Deliver;
  readonly filters: ReadonlyMap<string, SharedEventFilter>;
  /** The first event that a filter without fixed correlation values may have. */
  readonly since: number;
  /** Events on their way, or used. */
  readonly sent: Set<number>;
  readonly subscriptions: Map<string, readonly SubscribedFilter[]>;
}

export class LocalEvents {
  /** An event's number is its place here. */
  readonly #events: JsonObject[] = [];
  readonly #known = new Set<string>();
  readonly #listeners = new Map<string, Listener>();
  readonly #context: () => EvaluationContext;

  constructor(context: () => EvaluationContext) {
    this.#context = context;
  }

  /** An instance starts: what it listens for from now on is delivered to it. */
  join(instanceId: string, program: Program, deliver: Deliver): void {
    const filters = new Map(
      program.eventFilters.map(({ id, definition }) => [id, compileEventFilter(definition)]),
    );
    this.#listeners.set(instanceId, {
      deliver,
      filters,
      since: this.#events.length,
      sent: new Set(),
      subscriptions: new Map(),
    });
  }

  leave(instanceId: string): void {
    this.#listeners.delete(instanceId);
  }

  /** @returns false for an event that has been published before (same source and id) */
  publish(event: JsonObject): boolean {
    const identity = JSON.stringify([event.source, event.id]);
    if (this.#known.has(identity)) return false;
    this.#known.add(identity);
    const seq = this.#events.push(event) - 1;
    for (const listener of this.#listeners.values())
      for (const filters of listener.subscriptions.values()) this.#offer(listener, filters, seq);
    return true;
  }

  set(instanceId: string, subscriptionId: string, filters: readonly SubscribedFilter[]): void {
    const listener = this.#listeners.get(instanceId);
    if (listener === undefined) return;
    listener.subscriptions.set(subscriptionId, filters);
    for (const seq of this.#events.keys()) this.#offer(listener, filters, seq);
  }

  clear(instanceId: string, subscriptionId: string): void {
    this.#listeners.get(instanceId)?.subscriptions.delete(subscriptionId);
  }

  /** Events that were not used after all: a later subscription may have them. */
  giveBack(instanceId: string, seqs: readonly number[]): void {
    for (const seq of seqs) this.#listeners.get(instanceId)?.sent.delete(seq);
  }

  #offer(listener: Listener, filters: readonly SubscribedFilter[], seq: number): void {
    const event = this.#events[seq];
    if (event === undefined || listener.sent.has(seq)) return;
    if (!filters.some((each) => this.#passes(listener, each, seq, event))) return;
    listener.sent.add(seq);
    listener.deliver(seq, event);
  }

  #passes(
    { filters, since }: Listener,
    { filter, keys }: SubscribedFilter,
    seq: number,
    event: JsonObject,
  ): boolean {
    const context = this.#context();
    const shared = filters.get(filter);
    if (shared?.passes(event, context) !== true) return false;
    const found = shared.keys(event, context);
    if (found === undefined) return false;
    return keys === undefined ? seq >= since : deepEqual(found, keys);
  }
}
