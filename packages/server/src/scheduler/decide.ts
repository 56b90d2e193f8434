/**
 * decideSchedule(): a pure function from a schedule and a command to the next schedule, what it starts, and what is on
 * record. The owner of the schedule's partition commits all of it in one transaction.
 *
 * A schedule is *waiting* for its next time (`next`; an `after` without one waits for an end, an `on` for events), *paused*,
 * or *over* (nothing will come any more). When a time is due it is decided: it starts an instance, waits in the buffer
 * for the end of what runs, or is passed over with a reason. Times are decided in order, each once: `decided` only
 * moves forward, also when the clock is set back. A firing that finds nothing due changes nothing.
 *
 * An instance's id follows from the schedule and the time, so whatever is decided twice meets the same instance.
 */
import { Draft } from "./draft.ts";
import { decideDue, workOff } from "./due.ts";
import { ended } from "./ended.ts";
import { takeEvent } from "./on.ts";
import type { ScheduleCommand, ScheduleState } from "./schedule.ts";
import { pause, put, remove, resume } from "./change.ts";
import type { ScheduleDecided, ScheduleEnvironment } from "./decided.ts";

export function decideSchedule(
  id: string,
  state: ScheduleState | undefined,
  command: ScheduleCommand,
  environment: ScheduleEnvironment,
): ScheduleDecided {
  if (command.kind === "schedule.put") return put(id, state, command, environment);
  if (state === undefined) return { answer: { kind: "missing" } };
  if (command.kind === "schedule.delete") return remove(state, command, environment);
  const draft = new Draft(state, environment);
  apply(draft, command);
  return draft.finish();
}

function apply(
  draft: Draft,
  command: Exclude<ScheduleCommand, { kind: "schedule.put" | "schedule.delete" }>,
): void {
  switch (command.kind) {
    case "timer.fired":
      decideDue(draft);
      return workOff(draft);
    case "schedule.ended":
      return ended(draft, command);
    case "schedule.pause":
      return pause(draft, command.note);
    case "schedule.resume":
      return resume(draft);
    case "schedule.trigger": {
      const { key, input } = command;
      const at = triggeredAt(draft, command);
      const occasion = {
        origin: "trigger",
        nominal: at,
        dueAt: at,
        key,
        ...(input === undefined ? {} : { input }),
      } as const;
      draft.answer = { kind: "started", instanceId: draft.start(occasion) };
      return;
    }
    case "schedule.backfill": {
      const { id, from, until, overlap } = command;
      if (draft.state.backfills.some((each) => each.id === id)) return;
      draft.change({
        backfills: [...draft.state.backfills, { id, after: from - 1, until, overlap }],
      });
      return workOff(draft);
    }
    case "event.delivered":
      takeEvent(draft, command.seq, command.event);
  }
}

/** Triggers that a schedule remembers; older ones are looked up by whoever repeats them. */
const MOST_TRIGGERS = 100;

/** When a trigger with this key was asked for first. */
function triggeredAt(
  draft: Draft,
  { key, at }: Extract<ScheduleCommand, { kind: "schedule.trigger" }>,
): number {
  const { triggers = [] } = draft.state;
  const known = triggers.find((each) => each.key === key);
  if (known !== undefined) return known.at;
  draft.change({ triggers: [...triggers, { key, at }].slice(-MOST_TRIGGERS) });
  return at;
}
