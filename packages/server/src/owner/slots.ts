/**
 * Instances the owner has in its hands: commands waiting for each, and hot states.
 *
 * A slot is *idle*, *ready* (it has commands) or *busy* (its commands are in a batch that has not committed). A busy slot's
 * new commands wait for the commit, so no batch builds on another's uncommitted state. Ready slots go by the priority of
 * their most urgent command and by age (`fair-queue.ts`).
 */
import type { State } from "@millrace/engine";
import type { Known } from "../payloads/spill.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import type { ScheduleState } from "../scheduler/schedule.ts";
import type { InstanceRow, ScheduleRow } from "../store/store.ts";
import { type Entry, isDurable, needsNoValues } from "./entry.ts";
import { FairQueue, laneOf, type Queued, type Rank } from "./fair-queue.ts";
import type { OpenActivities } from "./open-activities.ts";

/** The committed state of an instance, in memory. */
export interface Hot {
  readonly state: State;
  readonly row: Omit<InstanceRow, "state" | "activities">;
  /** What the row's `activities` hold. */
  readonly open: OpenActivities;
  /** Characters of the state and the open activities as JSON, with the large values. */
  readonly size: number;
  /** Values of the state that stand elsewhere. */
  readonly large: Known;
}

/** The committed state of a schedule. */
export interface HotSchedule {
  readonly row: Omit<ScheduleRow, "state">;
  readonly state: ScheduleState;
  /** Characters of the state as JSON, with the large values. */
  readonly size: number;
  /** Values of the state that stand elsewhere. */
  readonly large: Known;
  /** Its large values were not loaded: other objects, as well known, stand for them. */
  readonly bare?: true;
}

export interface Slot {
  readonly id: string;
  readonly partition: number;
  readonly pending: Entry[];
  busy: boolean;
  hot?: Hot;
  /** Of a schedule that has large values, and would have to load them each time; others are read when they are needed. */
  schedule?: HotSchedule;
  /** Set while its commands wait to be tried again: lets those that need no large values do so soon. */
  hurry?: (() => void) | undefined;
  /** Large values of it, or of its messages, could not be had: what needs none goes before the rest. */
  bare?: boolean;
  /** After a batch with it was refused: it is tried in a batch of its own. */
  alone: boolean;
  /** Its place among those that are ready. */
  place: Queued<Slot> | undefined;
}

/** Most hot states kept, by their size as JSON; in memory they take a few times as much. */
const HOT_BYTES = 64 * 1024 * 1024;

/** Most slots that are put in line by one reading of the clock. */
const SAME_TIME = 64;

export class Slots {
  readonly #slots = new Map<string, Slot>();
  readonly #ready = new FairQueue<Slot>();
  /** Is to have the next batch for itself. */
  #next: Queued<Slot> | undefined;
  readonly #now: () => number;
  #at = 0;
  #readings = 0;
  #queued = 0;
  #hotBytes = 0;

  /** @param now milliseconds, monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Commands that wait. */
  get queued(): number {
    return this.#queued;
  }
  get hotBytes(): number {
    return this.#hotBytes;
  }
  get size(): number {
    return this.#slots.size;
  }
  get hasReady(): boolean {
    return this.#ready.size > 0;
  }

  add(entry: Entry): void {
    let slot = this.#slots.get(entry.instanceId);
    if (slot === undefined) {
      const { instanceId: id, partition } = entry;
      slot = { id, partition, pending: [], busy: false, alone: false, place: undefined };
      this.#slots.set(id, slot);
    }
    slot.pending.push(entry);
    this.#queued += 1;
    if (!slot.busy) this.#line(slot, entry);
    else if (needsNoValues(entry)) slot.hurry?.();
  }

  /** Puts a slot in line for an entry, unless it stands where that is served as soon. */
  #line(slot: Slot, entry: Entry): void {
    const rank = rankOf(entry, slot);
    if (slot.place !== undefined && this.#ready.has(slot.place)) {
      if (slot.place.lane <= laneOf(rank.priority, rank.background)) return;
      if (slot.place === this.#next) return;
      this.#ready.remove(slot.place);
    }
    slot.place = this.#ready.push(slot, rank, this.#time());
  }

  /** Whoever comes between two batches comes at one time: to read the clock costs as much as to queue. */
  #time(): number {
    if (this.#readings % SAME_TIME === 0) this.#at = this.#now();
    this.#readings += 1;
    return this.#at;
  }

  /** Takes slots with their commands for one batch. */
  take(mostCommands: number): { slot: Slot; entries: Entry[] }[] {
    const taken: { slot: Slot; entries: Entry[] }[] = [];
    let commands = 0;
    this.#readings = 0;
    while (commands < mostCommands) {
      const place = this.#next ?? this.#ready.peek();
      if (place === undefined) break;
      const slot = place.value;
      if (slot.alone && taken.length > 0) {
        // The next batch is its own, whatever comes meanwhile.
        this.#next = place;
        break;
      }
      this.#next = undefined;
      this.#ready.take(place);
      const entries = slot.pending.splice(0);
      this.#queued -= entries.length;
      slot.busy = true;
      commands += entries.length;
      taken.push({ slot, entries });
      if (slot.alone) break;
    }
    return taken;
  }

  /**
   * Puts back, in front of what came meanwhile, commands that were taken and not applied. The slot stays busy until it is
   * released.
   */
  giveBack(slot: Slot, entries: readonly Entry[]): void {
    slot.pending.unshift(...entries);
    this.#queued += entries.length;
  }

  /** The batch with this slot has ended, well or not. `first`: it goes back to the place it was taken from. */
  release(slot: Slot, place: "first" | "last" = "last"): void {
    slot.busy = false;
    if (slot.pending.length > 0) {
      if (place === "first" && slot.place !== undefined) this.#ready.putBack(slot.place);
      for (const entry of slot.pending) this.#line(slot, entry);
    } else if (sizeOf(slot) === undefined) this.#slots.delete(slot.id);
  }

  setHot(slot: Slot, hot: Hot | undefined): void {
    this.#keep(slot, { hot, schedule: slot.schedule });
  }

  setSchedule(slot: Slot, schedule: HotSchedule | undefined): void {
    this.#keep(slot, { hot: slot.hot, schedule });
  }

  /** What it holds may not be what the database has. */
  clear(slot: Slot): void {
    this.#keep(slot, { hot: undefined, schedule: undefined });
  }

  #keep(
    slot: Slot,
    { hot, schedule }: { [Key in "hot" | "schedule"]: Slot[Key] | undefined },
  ): void {
    this.#hotBytes -= sizeOf(slot) ?? 0;
    if (hot === undefined) delete slot.hot;
    else slot.hot = hot;
    if (schedule === undefined) delete slot.schedule;
    else slot.schedule = schedule;
    this.#hotBytes += sizeOf(slot) ?? 0;
    // Used last: at the end of the map, so the first are those used longest ago.
    this.#slots.delete(slot.id);
    this.#slots.set(slot.id, slot);
    if (this.#hotBytes > HOT_BYTES) this.#evict();
  }

  holds(id: string): boolean {
    return this.#slots.get(id)?.hot !== undefined;
  }

  forget(id: string): void {
    const slot = this.#slots.get(id);
    if (slot?.hot !== undefined && !slot.busy) this.setHot(slot, undefined);
  }

  #evict(): void {
    for (const slot of this.#slots.values()) {
      if (this.#hotBytes <= HOT_BYTES) return;
      if (slot.busy || slot.pending.length > 0) continue;
      this.#hotBytes -= sizeOf(slot) ?? 0;
      this.#slots.delete(slot.id);
    }
  }

  /** Forgets the hot states of partitions that are lost; gives the commands that waited there. */
  drop(partitions: ReadonlySet<number>): Entry[] {
    const dropped: Entry[] = [];
    for (const slot of this.#slots.values()) {
      if (!partitions.has(slot.partition)) continue;
      if (slot.place !== undefined) this.#ready.remove(slot.place);
      this.#hotBytes -= sizeOf(slot) ?? 0;
      delete slot.hot;
      delete slot.schedule;
      dropped.push(...slot.pending.splice(0));
      if (!slot.busy) this.#slots.delete(slot.id);
    }
    this.#queued -= dropped.length;
    if (this.#next !== undefined && !this.#ready.has(this.#next)) this.#next = undefined;
    return dropped;
  }

  /** Instances with commands that wait for a batch, by priority. */
  depths(): readonly number[] {
    return this.#ready.depths();
  }
  /** Milliseconds that the first of them has waited, by priority; 0 where none does. */
  oldest(): readonly number[] {
    return this.#ready.ages(this.#now());
  }
}

/** Of what is kept in memory; undefined when that is nothing. */
function sizeOf({ hot, schedule }: Slot): number | undefined {
  return hot?.size ?? schedule?.size;
}

/** What does not say whose it is, and meets no state in memory, is of the tenant there is. */
function rankOf(entry: Entry, { hot }: Slot): Rank {
  const { priority, tenant, background } = entry;
  return {
    priority: priority ?? hot?.state.priority,
    tenant: tenant ?? hot?.row.tenant ?? DEFAULT_TENANT,
    // Whoever can be told that it failed waits for it.
    background: background ?? (hot?.state.schedule !== undefined && isDurable(entry)),
  };
}
