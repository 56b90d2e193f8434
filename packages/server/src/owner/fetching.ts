/**
 * Loads large values beside the owner's loop. An instance whose batch found some missing is left out of it, stays busy, and
 * comes again when it has them; where they cannot be had, its commands are put off like any that failed. So a store that is
 * slow or away, or a value that is corrupt, holds up the instance that needs it and nobody else's. A schedule that is held up
 * can be paused and deleted.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { Loads } from "../payloads/loads.ts";
import { type EngineValues, PayloadError } from "../payloads/payloads.ts";
import { StoreError } from "../store/store.ts";
import { hotOf, type Lacking, hotScheduleOf } from "./cold.ts";
import type { Counters } from "./counters.ts";
import { needsNoValues } from "./entry.ts";
import type { Slots } from "./slots.ts";
import { goesBare, type Taken } from "./warm.ts";

/** Milliseconds: less than a caller waits. */
const PATIENCE = 2_000;
const OVER = Symbol("over");

export interface FetchingConfig {
  readonly values: EngineValues | undefined;
  readonly slots: Slots;
  readonly clock: Pick<Clock, "after">;
  readonly log: Logger;
  readonly counts: Counters["counts"];
  /** Undefined when this node does not own the partition, or stops. */
  readonly epochOf: (partition: number) => number | undefined;
  /** The commands of a slot are tried again later. */
  readonly putOff: (taken: Taken, error: unknown) => void;
  /** A slot is ready. */
  readonly onReady: () => void;
}

export class Fetching {
  readonly #config: FetchingConfig;
  /** Instances that cannot go on. */
  readonly #heldUp = new Set<string>();
  readonly #loads: Loads;

  constructor(config: FetchingConfig) {
    this.#config = config;
    this.#loads = new Loads(config.values, config.clock);
  }

  /** Takes out of a batch what lacks something. */
  leaveOut(taken: Taken[], lacking: readonly Lacking[]): void {
    const out = new Set(lacking.map((each) => each.taken));
    for (const each of taken.splice(0)) if (!out.has(each)) taken.push(each);
    for (const each of lacking) void this.#fetch(each);
    this.#letPass(taken);
  }

  /** What needs no large values goes before the rest where they cannot be had. */
  #letPass(taken: readonly Taken[]): void {
    for (const each of taken) {
      if (!goesBare(each)) continue;
      const { slot, entries } = each;
      const rest = entries.filter((entry) => !needsNoValues(entry));
      entries.splice(0, entries.length, ...entries.filter(needsNoValues));
      this.#config.slots.giveBack(slot, rest);
      slot.bare = false;
    }
  }

  async #fetch(lacking: Lacking): Promise<void> {
    const { slots, epochOf, putOff, onReady } = this.#config;
    const { slot, entries } = lacking.taken;
    const epoch = epochOf(slot.partition);
    const patience = this.#patience(lacking.taken);
    try {
      const loading = this.#loads.load(lacking.tenant, lacking.parted);
      slot.bare = (await Promise.race([loading, patience.over])) === OVER;
    } catch (error) {
      if (epochOf(slot.partition) !== undefined) this.#tell(slot.id, error);
      slot.bare = [...entries, ...slot.pending].some(needsNoValues);
      if (!slot.bare) return putOff(lacking.taken, error);
    } finally {
      patience.end();
    }
    // What was read under an epoch counts under that epoch only.
    if (epoch === undefined || epochOf(slot.partition) !== epoch)
      return putOff(lacking.taken, new StoreError("stale-epoch", "a partition changed hands"));
    if (!slot.bare) {
      this.#heldUp.delete(slot.id);
      if (lacking.cold !== undefined) slots.setHot(slot, hotOf(lacking.cold));
      if (lacking.schedule !== undefined) slots.setSchedule(slot, hotScheduleOf(lacking.schedule));
    }
    slots.giveBack(slot, entries);
    slots.release(slot, "first");
    onReady();
  }

  /** It is over some time after a command is there that needs no large values, however long they take. */
  #patience({ slot, entries }: Taken) {
    const { promise: over, resolve } = Promise.withResolvers<typeof OVER>();
    let cancel: (() => void) | undefined;
    slot.hurry = () => {
      cancel ??= this.#config.clock.after(PATIENCE, () => resolve(OVER));
    };
    if ([...entries, ...slot.pending].some(needsNoValues)) slot.hurry();
    const end = (): void => {
      cancel?.();
      slot.hurry = undefined;
    };
    return { over, end };
  }

  /** Once for each instance; it is tried again and again. */
  #tell(instance: string, err: unknown): void {
    const { log, counts } = this.#config;
    counts.instancesHeldUp += 1;
    if (this.#heldUp.has(instance)) return;
    this.#heldUp.add(instance);
    const level = isBroken(err) ? "error" : "warn";
    log[level]({ err, instance }, "an instance is held up: a large value of it cannot be had");
  }
}

/** True for what no further try changes, until somebody repairs the value. */
export function isBroken(error: unknown): boolean {
  return error instanceof PayloadError && (error.kind === "missing" || error.kind === "corrupt");
}
