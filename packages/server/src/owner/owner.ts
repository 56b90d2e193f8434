/**
 * The owner's loop: group commit (design section 4).
 *
 *   submit ─▶ slots ─▶ take a batch ─▶ load what is cold ─▶ decide in memory ─▶ one transaction ─▶ let effects out
 *                         ▲                                                          │
 *                         └──────── commands that came meanwhile ◀──────────────────┘
 *
 * While some batches commit the next is decided (four under way at most), always of other instances. A batch that is
 * refused changes nothing: its hot states are forgotten and its commands are tried again on what the database has. An
 * unknown outcome is resolved the same way, because every command that was applied meets nothing to act on the second
 * time.
 */
import { decide, isTerminal, SAFE_DEPTH, type State } from "@millrace/engine";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { WantedTypes } from "../outgoing/outbox.ts";
import { inTime } from "../payloads/in-time.ts";
import { type LargeStore, storeAll } from "../payloads/parted.ts";
import type { Times } from "../scheduler/decided.ts";
import { type Epoch, type OwnerStore, StoreError, type WorkflowVersion } from "../store/store.ts";
import { backoff } from "./backoff.ts";
import { BatchBuilder } from "./builder.ts";
import { Counters } from "./counters.ts";
import { type DecideContext, type Decided, decideSlot } from "./decide-batch.ts";
import { decideScheduleSlot } from "./decide-schedule.ts";
import { type LetOut, nothingAfter } from "./effects.ts";
import { type Entry, isDurable, leaveOutGone, nowFor } from "./entry.ts";
import type { FactListener, Tracing } from "./facts.ts";
import { Fetching, isBroken } from "./fetching.ts";
import { type MailIds, mailIds } from "./mail-ids.ts";
import { type Compile, Programs } from "./programs.ts";
import { type Hot, Slots } from "./slots.ts";
import { type Taken, warm, type Warm } from "./warm.ts";

export interface OwnerConfig {
  readonly store: OwnerStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly partitions: number;
  /** Epoch milliseconds of the database, never ahead of it. */
  readonly databaseNow: () => number;
  readonly random: () => number;
  readonly randomBytes: () => Uint8Array;
  readonly runtime: { readonly name: string; readonly version: string };
  /** Commands that may wait before starts are refused. */
  readonly maxQueued: number;
  readonly decide?: typeof decide;
  /** Which lifecycle events somebody wants; none unless given. */
  readonly wanted?: WantedTypes;
  /** How a definition becomes a program; a simulation of many nodes compiles each once for all. */
  readonly compile?: Compile;
  readonly tracing?: Tracing;
  /** When schedules are due. */
  readonly times: Times;
  /** Where large values go; without it, they stay where they are. */
  readonly large?: LargeStore | undefined;
}

/** What is told after each commit. */
export interface OwnerListener {
  onCommitted(after: LetOut): void;
  /** An instance has a new state. */
  onProgress(hot: Hot): void;
  /** What was committed, instance by instance; where nobody is told, nothing is gathered. */
  readonly onFacts?: FactListener;
  /** Another node has taken partitions. */
  onStale(): void;
  /**
   * It is not known whether a batch was written, or still will be: the partitions are to be taken again, which waits for
   * it or shuts it out, and reads what it left.
   */
  onUnknown(): void;
}

/**
 * Commands of a batch, and batches under way. Larger batches cost no less each, and leave one side idle while the other
 * works: of 1,000 callers, one batch of all went at 80 % of the rate of four.
 */
const MAX_COMMANDS = 250;
const MAX_IN_FLIGHT = 4;
/** A batch is closed when deciding it took this many milliseconds, or its states have this many characters. */
const MAX_DECIDING = 20;
const MAX_CHARACTERS = 4 * 1024 * 1024;
const FAULT = "the engine failed on an instance";
/** Tries of a command somebody waits for, before it is given up. */
const MAX_TRIES = 6;

/** The database did not take the last batch. */
export interface Failure {
  readonly message: string;
  /** By the monotonic clock. */
  readonly at: number;
}

type BatchContext = DecideContext & Pick<Warm, "schedules"> & { readonly times: Times };

export class Owner {
  readonly counters = new Counters();
  readonly slots: Slots;
  readonly programs: Programs;
  readonly mailId: MailIds;
  readonly #config: OwnerConfig;
  readonly #listener: OwnerListener;
  readonly #epochs = new Map<number, number>();
  #inFlight = 0;
  #scheduled = false;
  /** Batches in a row that the database did not take, and what it said last. */
  #failures = 0;
  #failure: Failure | undefined;
  /** True for a while after such a batch: no other is tried. */
  #pausing = false;
  #stopping = false;
  readonly #fetching: Fetching;
  #idle: (() => void)[] = [];

  constructor(config: OwnerConfig, listener: OwnerListener) {
    this.#config = config;
    this.#listener = listener;
    this.slots = new Slots(() => config.clock.monotonic());
    this.programs = new Programs(config.store, config.compile);
    this.mailId = mailIds(config.randomBytes);
    this.#fetching = new Fetching({
      values: config.large?.values,
      slots: this.slots,
      clock: config.clock,
      log: config.log,
      counts: this.counters.counts,
      epochOf: (partition) => (this.#stopping ? undefined : this.epochOf(partition)),
      putOff: (taken, error) => this.#putOff(taken, error),
      onReady: () => this.#schedule(),
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }
  get owned(): readonly Epoch[] {
    return [...this.#epochs].map(([partition, epoch]) => ({ partition, epoch }));
  }
  /** Undefined when this node does not own the partition. */
  epochOf(partition: number): number | undefined {
    return this.#epochs.get(partition);
  }
  /** Undefined when the database took the last batch. */
  get failure(): Failure | undefined {
    return this.#failure;
  }
  get overloaded(): boolean {
    return this.slots.queued >= this.#config.maxQueued;
  }

  /** Partitions taken at a new epoch. What was hot of them may be old, so it is forgotten. */
  gain(epochs: readonly Epoch[]): void {
    const waiting = this.slots.drop(new Set(epochs.map((e) => e.partition)));
    for (const { partition, epoch } of epochs) this.#epochs.set(partition, epoch);
    for (const entry of waiting) this.slots.add(entry);
    this.#schedule();
  }

  /** Partitions another node has. */
  lose(partitions: Iterable<number>): void {
    const lost = new Set(partitions);
    for (const partition of lost) this.#epochs.delete(partition);
    this.counters.counts.leasesLost += lost.size;
    for (const entry of this.slots.drop(lost))
      entry.fail?.(new StoreError("stale-epoch", "another node owns the partition"));
  }

  /** Queues a command. It is decided in order with the other commands of its instance. */
  submit(entry: Entry): void {
    if (this.#stopping || !this.#epochs.has(entry.partition)) {
      entry.fail?.(new StoreError("stale-epoch", "this node does not own the partition"));
      return;
    }
    this.slots.add(entry);
    this.#schedule();
  }

  /** True when the committed state of the instance is in memory here: as far as this node knows it has not ended. */
  holds(instanceId: string): boolean {
    return this.slots.holds(instanceId);
  }

  /** The hot state of an instance is not what the database has: it is read again when needed. */
  forget(instanceId: string): void {
    this.slots.forget(instanceId);
  }

  /** Takes nothing more, and resolves when what was decided is committed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const entry of this.slots.drop(new Set(this.#epochs.keys())))
      entry.fail?.(new StoreError("unavailable", "the server is shutting down"));
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#pausing) return;
    if (this.#inFlight >= MAX_IN_FLIGHT || !this.slots.hasReady) return;
    this.#scheduled = true;
    this.#config.clock.defer(() => {
      this.#scheduled = false;
      void this.#runBatch();
    });
  }

  async #runBatch(): Promise<void> {
    const taken = this.slots.take(MAX_COMMANDS);
    if (taken.length === 0) return;
    for (const { entries } of taken) leaveOutGone(entries);
    this.#inFlight += 1;
    // What did not fit goes while this one commits.
    this.#schedule();
    try {
      await this.#process(taken);
      for (const { slot } of taken) this.slots.release(slot);
    } catch (error) {
      this.#recover(taken, error);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Takes from `taken` what does not fit the batch. */
  async #process(taken: Taken[]): Promise<void> {
    const epochs = taken.map(({ slot }) => this.epochOf(slot.partition));
    const { programs, schedules, lacking } = await warm(
      taken,
      this.#config.store,
      this.slots,
      this.programs,
    );
    // To stop drops the hot states, those just read too: deciding without them would consume rows and change nothing.
    if (this.#stopping) throw new StoreError("unavailable", "the server is shutting down");
    // What was read under an epoch counts under that epoch only.
    if (taken.some(({ slot }, n) => this.epochOf(slot.partition) !== (epochs[n] ?? -1)))
      throw new StoreError("stale-epoch", "a partition changed hands while states were read");
    this.#fetching.leaveOut(taken, lacking);
    const { clock, log, random, randomBytes, runtime, partitions } = this.#config;
    const { tracing, wanted, large } = this.#config;
    const now = nowFor(taken, this.#config.databaseNow());
    const batch = new BatchBuilder();
    const after = nothingAfter();
    const context = {
      decide: this.#config.decide ?? decide,
      environment: {
        now,
        random,
        monotonic: () => clock.monotonic(),
        runtime,
        ...(tracing === undefined ? {} : { nesting: true }),
        // Only what is tried again alone, perhaps because it could not be written, is worth the look.
        ...(taken[0]?.slot.alone === true ? { maxDepth: SAFE_DEPTH } : {}),
      },
      now,
      partitions,
      randomBytes,
      epochOf: (partition: number) => this.#epochs.get(partition) ?? -1,
      times: this.#config.times,
      schedules,
      mailId: this.mailId,
      onFault: (instance: string, err: unknown, of?: Pick<State, "id" | "trace">) =>
        log.error({ err, instance, ...(of && tracing?.fieldsOf(of)) }, FAULT),
      programOf: (workflow: WorkflowVersion) => programs.get(workflow),
      whyNot: (workflow: WorkflowVersion) => this.programs.why(workflow),
      batch,
      after,
      watched: this.#listener.onFacts !== undefined,
      ...(tracing === undefined ? {} : { tracing }),
      ...(wanted === undefined ? {} : { wanted }),
      ...(large === undefined ? {} : { spill: large.rules }),
    };
    const decided = this.#decide(taken, context);
    if (!batch.empty) await this.#write(batch, context.epochOf);
    for (const each of decided) this.#committed(each);
    const outbox = batch.outbox.length > 0;
    this.#listener.onCommitted({ ...after, timers: batch.timers.added(), outbox });
  }

  async #write(batch: BatchBuilder, epochOf: (partition: number) => number): Promise<void> {
    const { store, clock, large } = this.#config;
    if (batch.values.size > 0) await inTime(clock, storeAll(large?.values, batch.values));
    const began = clock.monotonic();
    await store.commit(batch.build(epochOf));
    this.counters.measure("commitMs", clock.monotonic() - began);
    this.counters.measure("batchTransitions", batch.created.length + batch.updated.length);
    this.counters.counts.commits += 1;
    this.counters.counts.eventsRefused += batch.returned.length;
    this.#failures = 0;
    this.#failure = undefined;
  }

  /** Decides until the batch is full; what is left goes back to the front. */
  #decide(taken: Taken[], context: BatchContext): Decided[] {
    const { clock } = this.#config;
    const until = clock.monotonic() + MAX_DECIDING;
    const decided: Decided[] = [];
    let characters = 0;
    for (const { slot, entries } of taken) {
      if (decided.length > 0 && (characters > MAX_CHARACTERS || clock.monotonic() > until)) break;
      const each =
        entries[0]?.schedule === true
          ? decideScheduleSlot(slot, entries, context.schedules.get(slot.id), context)
          : decideSlot(slot, entries, context);
      decided.push(each);
      characters += each.written ?? 0;
    }
    for (const { slot, entries } of taken.splice(decided.length).toReversed()) {
      this.slots.giveBack(slot, entries);
      this.slots.release(slot, "first");
    }
    return decided;
  }

  #committed(each: Decided): void {
    const { slot, entries, outcomes, hot, changed } = each;
    const { counts } = this.counters;
    slot.alone = false;
    const ended = hot !== undefined && isTerminal(hot.state.status);
    if (changed && hot !== undefined) {
      counts.transitions += 1;
      if (hot.row.revision === 1) counts.instancesStarted += 1;
      if (ended) this.counters.ended(hot.state.status);
    }
    // An ended instance is read, if ever, by the API: it need not stay in memory.
    this.slots.setHot(slot, ended ? undefined : hot);
    this.slots.setSchedule(slot, each.schedule);
    if (changed && hot !== undefined) this.#listener.onProgress(hot);
    if (each.told !== undefined) this.#listener.onFacts?.(each.told);
    for (const [index, entry] of entries.entries()) {
      const outcome = outcomes[index] ?? { kind: "missing" };
      this.counters.decided(entry, outcome);
      entry.done?.(outcome);
    }
  }

  /** Nothing is known to be written: forget what was decided, and try again on what the database has. */
  #recover(taken: readonly Taken[], error: unknown): void {
    const { log } = this.#config;
    const kind = error instanceof StoreError ? error.kind : "fault";
    this.counters.counts.commitFailures += 1;
    if (kind === "unknown") this.counters.counts.commitsUnknown += 1;
    log.warn({ err: error, kind, instances: taken.length }, "a batch was not committed");
    for (const { slot } of taken) {
      this.slots.clear(slot);
      // One bad command must not hold up the others: each instance goes alone until its command is through.
      slot.alone = kind === "conflict" || kind === "fault";
    }
    if (kind === "unavailable" || kind === "unknown") this.#pause(error);
    if (kind === "stale-epoch") this.#listener.onStale();
    if (kind === "unknown") this.#listener.onUnknown();
    for (const each of taken) this.#putOff(each, error);
  }

  /** The commands of a slot are tried again after a pause that grows. */
  #putOff({ slot, entries }: Taken, error: unknown): void {
    const again = entries.flatMap((entry) => this.#again(entry, error));
    if (this.#stopping || this.epochOf(slot.partition) === undefined) {
      for (const entry of again)
        entry.fail?.(new StoreError("stale-epoch", "this node does not own the partition"));
      this.slots.release(slot);
      return;
    }
    // Until then the slot stays busy, so what came later stays behind.
    this.slots.giveBack(slot, again);
    const tries = Math.max(0, ...again.map((entry) => entry.tries ?? 1));
    const pause = again.length === 0 ? 0 : Math.min(5000, 50 * 2 ** tries);
    slot.hurry = () => {
      cancel();
      slot.hurry = undefined;
      this.slots.release(slot);
      this.#schedule();
    };
    const cancel = this.#config.clock.after(pause, slot.hurry);
  }

  /** A database that is away is asked again after growing pauses, whoever waits. */
  #pause(error: unknown): void {
    const { clock, random } = this.#config;
    this.#failures += 1;
    this.#failure = { message: String(error), at: clock.monotonic() };
    if (this.#pausing) return;
    this.#pausing = true;
    clock.after(backoff(this.#failures, random), () => {
      this.#pausing = false;
      this.#schedule();
    });
  }

  #again(entry: Entry, error: unknown): Entry[] {
    const tries = (entry.tries ?? 0) + 1;
    const wanted = entry.caller?.gone !== true;
    const worthwhile = isDurable(entry) || (tries < MAX_TRIES && !isBroken(error));
    if (wanted && worthwhile) return [{ ...entry, tries }];
    entry.fail?.(error instanceof Error ? error : new Error(String(error)));
    return [];
  }
}
