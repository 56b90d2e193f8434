/** What waits to be decided: a command for an instance, the rows it consumes, and who wants to know. */
import type { Command, Refusal, State } from "@millrace/engine";
import type { Parted } from "../payloads/parted.ts";
import type { ScheduleAnswer } from "../scheduler/decided.ts";
import type { ScheduleCommand, ScheduleState } from "../scheduler/schedule.ts";
import {
  type InboxRow,
  type KeyRow,
  type OwnerStore,
  StoreError,
  type TimerRow,
  type WaitKey,
  type WorkflowVersion,
} from "../store/store.ts";

export interface Entry {
  readonly instanceId: string;
  readonly partition: number;
  readonly command: Command | ScheduleCommand | Redeliver;
  /** The command is for a schedule: `instanceId` is its id. */
  readonly schedule?: true;
  /** 0 (first) … 4 (last). Absent: the instance's own where its state is in memory, else the default. */
  readonly priority?: number | undefined;
  /** Whose it is; absent as `priority` is. */
  readonly tenant?: string | undefined;
  /** A schedule started it, and nobody waits for it. */
  readonly background?: boolean;
  /** For `start`: of which workflow, and under which idempotency key. */
  readonly start?: { readonly workflow: WorkflowVersion; readonly key?: KeyRow };
  /** Rows that are gone once the command is applied, also when it changes nothing. */
  readonly activity?: WaitKey;
  readonly timer?: TimerRow;
  readonly message?: Pick<InboxRow, "partition" | "id">;
  /** Parts of the command that are loaded before it is decided. */
  readonly parted?: Parted;
  /** Called after the commit. */
  readonly done?: (outcome: Outcome) => void;
  /** Called when it is given up. Without it, the command is tried again until it is applied or another node owns it. */
  readonly fail?: (error: Error) => void;
  /** Set when whoever waits has given up: from then on it is not tried. */
  readonly caller?: { readonly gone: boolean };
  /** Times it was tried in vain. */
  readonly tries?: number;
}

/** Open activities that an earlier owner delivered are delivered again. */
export interface Redeliver {
  readonly kind: "redeliver";
}

export interface Outcome {
  /** `missing`: there is no such instance, or workflow to start. `failed`: a start or retry at which the engine threw `fault`. */
  readonly kind: "applied" | "ignored" | "missing" | "exists" | "failed";
  readonly fault?: unknown;
  /** As committed. */
  readonly state?: State;
  /** What a schedule says to a command, and how it stands then: absent when its large values were not loaded. */
  readonly answer?: ScheduleAnswer;
  readonly schedule?: ScheduleState;
  /** Why the engine did not apply it. */
  readonly refusal?: Refusal;
}

/** True for a command that came from a row of ours, which stays until the command is applied. */
export function isDurable(entry: Entry): boolean {
  return entry.fail === undefined;
}

/**
 * True for what would count twice when it is applied twice. Anything else meets nothing to act on the second time; an event
 * may well meet the next `listen`.
 */
export function countsOnce({ command, message }: Entry): boolean {
  return command.kind === "event.delivered" && message !== undefined;
}

/** True for what can be decided of a schedule whose large values cannot be had. */
export function needsNoValues({ command }: Entry): boolean {
  return command.kind === "schedule.pause" || command.kind === "schedule.delete";
}

/** Takes out the commands of callers who were told that nothing happened: it had better be so. */
export function leaveOutGone(entries: Entry[]): void {
  for (const entry of entries.splice(0))
    if (entry.caller?.gone !== true) entries.push(entry);
    else entry.fail?.(new StoreError("unavailable", "whoever asked has gone"));
}

/** A start with a new random id that was never tried: there is nothing to load. */
export function isFresh(entries: readonly Entry[]): boolean {
  const [first] = entries;
  return first?.start !== undefined && first.message === undefined && first.tries === undefined;
}

/**
 * Takes out what counts once and is tried again although its mail has been consumed, by a commit whose outcome was not known.
 * The states are read before: if they are of before that commit, its mail may still be found, and the batch is refused.
 */
export async function leaveOutConsumed(
  taken: readonly { readonly entries: Entry[] }[],
  store: Pick<OwnerStore, "unconsumed">,
): Promise<void> {
  const isAgain = (entry: Entry): boolean => entry.tries !== undefined && countsOnce(entry);
  const again = taken.flatMap(({ entries }) => entries.filter(isAgain));
  if (again.length === 0) return;
  const there = await store.unconsumed(again.flatMap(({ message }) => message ?? []));
  for (const { entries } of taken)
    for (const entry of entries.splice(0))
      if (!isAgain(entry) || there.has(entry.message?.id ?? "")) entries.push(entry);
      else entry.done?.({ kind: "ignored" });
}

/**
 * A timer that was taken up is due, whatever this node reads by now: another may have read more, or the database's clock may
 * have been set back since. If it is not due by that clock, the database refuses the batch.
 */
export function nowFor(
  taken: readonly { readonly entries: readonly Entry[] }[],
  read: number,
): number {
  let now = read;
  for (const { entries } of taken)
    for (const { timer } of entries) now = Math.max(now, timer?.fireAt ?? 0);
  return now;
}
