/**
 * Instances the owner has in its hands: commands waiting for each, and hot states.
 *
 * A slot is *idle*, *ready* (it has commands) or *busy* (its commands are in a batch that has not committed). A busy slot's
 * new commands wait for the commit, so no batch builds on another's uncommitted state.
 */
import type { State } from "@millrace/engine";
import type { InstanceRow } from "../store/store.ts";
import type { Entry } from "./entry.ts";
import type { OpenActivities } from "./open-activities.ts";

/** The committed state of an instance, in memory. */
export interface Hot {
  readonly state: State;
  readonly row: Omit<InstanceRow, "state" | "activities">;
  /** What the row's `activities` hold. */
  readonly open: OpenActivities;
  /** Characters of the state and the open activities as JSON. */
  readonly size: number;
}

export interface Slot {
  readonly id: string;
  readonly partition: number;
  readonly pending: Entry[];
  busy: boolean;
  hot?: Hot;
  /** After a batch with it was refused: it is tried in a batch of its own. */
  alone: boolean;
}

/** Most hot states kept, by their size as JSON; in memory they take a few times as much. */
const HOT_BYTES = 64 * 1024 * 1024;

export class Slots {
  readonly #slots = new Map<string, Slot>();
  readonly #ready: Slot[] = [];
  #queued = 0;
  #hotBytes = 0;

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
    return this.#ready.length > 0;
  }

  add(entry: Entry): void {
    let slot = this.#slots.get(entry.instanceId);
    if (slot === undefined) {
      const { instanceId: id, partition } = entry;
      slot = { id, partition, pending: [], busy: false, alone: false };
      this.#slots.set(id, slot);
    }
    slot.pending.push(entry);
    this.#queued += 1;
    if (!slot.busy && slot.pending.length === 1) this.#ready.push(slot);
  }

  /** Takes slots with their commands for one batch. */
  take(mostCommands: number): { slot: Slot; entries: Entry[] }[] {
    const taken: { slot: Slot; entries: Entry[] }[] = [];
    let commands = 0;
    while (commands < mostCommands) {
      const slot = this.#ready[0];
      if (slot === undefined) break;
      if (slot.alone && taken.length > 0) break;
      this.#ready.shift();
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

  /** The batch with this slot has ended, well or not. */
  release(slot: Slot, place: "first" | "last" = "last"): void {
    slot.busy = false;
    if (slot.pending.length > 0)
      if (place === "first") this.#ready.unshift(slot);
      else this.#ready.push(slot);
    else if (slot.hot === undefined) this.#slots.delete(slot.id);
  }

  setHot(slot: Slot, hot: Hot | undefined): void {
    this.#hotBytes += (hot?.size ?? 0) - (slot.hot?.size ?? 0);
    if (hot === undefined) delete slot.hot;
    else slot.hot = hot;
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
      this.#hotBytes -= slot.hot?.size ?? 0;
      this.#slots.delete(slot.id);
    }
  }

  /** Forgets the hot states of partitions that are lost; gives the commands that waited there. */
  drop(partitions: ReadonlySet<number>): Entry[] {
    const dropped: Entry[] = [];
    for (const slot of this.#slots.values()) {
      if (!partitions.has(slot.partition)) continue;
      this.#hotBytes -= slot.hot?.size ?? 0;
      delete slot.hot;
      dropped.push(...slot.pending.splice(0));
      if (!slot.busy) this.#slots.delete(slot.id);
    }
    this.#queued -= dropped.length;
    const kept = this.#ready.filter((slot) => slot.pending.length > 0);
    this.#ready.splice(0, this.#ready.length, ...kept);
    return dropped;
  }
}
