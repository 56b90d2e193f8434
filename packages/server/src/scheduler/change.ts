/** Making, changing, pausing and deleting a schedule. */
import type { ScheduleDecided, ScheduleEnvironment } from "./decided.ts";
import { Draft } from "./draft.ts";
import { decideAllDue, workOff } from "./due.ts";
import type { NextTime, ScheduleCommand, ScheduleSpec, ScheduleState } from "./schedule.ts";

type Put = Extract<ScheduleCommand, { kind: "schedule.put" }>;

export function put(
  id: string,
  state: ScheduleState | undefined,
  command: Put,
  environment: ScheduleEnvironment,
): ScheduleDecided {
  if (state === undefined)
    return command.mode === "update"
      ? { answer: { kind: "missing" } }
      : created(id, command, environment);
  if (state.token === command.token) return { state, answer: { kind: "done" } };
  if (command.mode === "create") return refused(state, `there is a schedule ${state.name} already`);
  if (state.source !== command.source)
    return refused(state, `the schedule ${state.name} ${MADE[state.source]}`);
  const draft = new Draft(state, environment);
  update(draft, command.spec);
  return draft.finish();
}

const MADE = {
  api: "was made through the API; delete it, or rename the workflow",
  definition: "belongs to the definition of its workflow; apply a new version of that",
};

function refused(state: ScheduleState, detail: string): ScheduleDecided {
  return { state, answer: { kind: "conflict", detail } };
}

function created(
  id: string,
  { tenant, name, source, spec, token, paused }: Put,
  environment: ScheduleEnvironment,
): ScheduleDecided {
  const { now } = environment;
  const bare: ScheduleState = {
    v: 1,
    id,
    tenant,
    name,
    source,
    spec,
    token,
    createdAt: now,
    updatedAt: now,
    ...(paused === undefined ? {} : { paused: { at: now, by: "user", ...paused } }),
    decided: now,
    running: [],
    buffer: [],
    backfills: [],
    failures: 0,
  };
  const draft = new Draft(bare, environment);
  draft.isNew = true;
  draft.change({ next: paused === undefined ? nextOf(draft) : undefined });
  return { ...draft.finish(), changed: true, answer: { kind: "done" } };
}

/** What comes first after now. */
function nextOf(draft: Draft): NextTime | undefined {
  const { spec, running } = draft.state;
  if (spec.trigger.kind !== "after") return draft.times.next(draft.state, latest(draft));
  if (running.length > 0) return undefined;
  const { lastEnd } = draft.state;
  const from = lastEnd === undefined ? draft.now : lastEnd + spec.trigger.milliseconds;
  return draft.times.at(draft.state, Math.max(from, spec.startAt ?? 0));
}

/** Now, unless the clock was set back: what is decided stays so. */
function latest(draft: Draft): number {
  return Math.max(draft.now, draft.state.decided);
}

/** Times that were due before the change are decided by what was said then. */
function update(draft: Draft, spec: ScheduleSpec): void {
  if (JSON.stringify(spec) === JSON.stringify(draft.state.spec)) return;
  decideAllDue(draft);
  const { workflow } = draft.state.spec;
  const other =
    workflow.namespace !== spec.workflow.namespace || workflow.name !== spec.workflow.name;
  if (other) {
    for (const waiting of draft.state.buffer) draft.skip(waiting, "withdrawn");
    draft.change({ buffer: [] });
  }
  const { trigger } = draft.state.spec;
  // Sets of events under another strategy mean nothing to this one.
  if (JSON.stringify(trigger) !== JSON.stringify(spec.trigger)) draft.change({ groups: undefined });
  const before = draft.state;
  const same = timesText(before.spec) === timesText(spec);
  const afterEnds = trigger.kind === "after" && spec.trigger.kind === "after";
  if (!afterEnds && (before.paused !== undefined || !same)) {
    giveUpPending(draft);
    draft.change({ decided: latest(draft) });
  }
  draft.change({ spec, failures: 0 });
  draft.change({ next: nextAfterChange(draft, before) });
  workOff(draft);
}

/** All that says when times are, apart from their jitter. */
function timesText({
  trigger,
  timeZone,
  dstGap,
  dstOverlap,
  startAt,
  endAt,
}: ScheduleSpec): string {
  return JSON.stringify([trigger, timeZone, dstGap, dstOverlap, startAt, endAt]);
}

function nextAfterChange(draft: Draft, before: ScheduleState): NextTime | undefined {
  const { spec, paused, decided } = draft.state;
  const [old, trigger] = [before.spec.trigger, spec.trigger];
  // The first one stays where it is.
  if (old.kind === "after" && trigger.kind === "after" && before.lastEnd === undefined)
    if (before.next !== undefined) return draft.times.at(draft.state, before.next.nominal);
  if (paused !== undefined) return undefined;
  // Times that have come and are put off by the jitter are still to be decided.
  return trigger.kind === "after" ? nextOf(draft) : draft.times.next(draft.state, decided);
}

/** Times that have come and are not decided, because it is paused or they are put off by the jitter, never will be. */
function giveUpPending(draft: Draft): void {
  const { paused, next, spec } = draft.state;
  if (paused !== undefined) return passOver(draft, "paused");
  if (spec.trigger.kind === "after") {
    if (next !== undefined && next.nominal <= draft.now)
      draft.skip({ origin: "time", nominal: next.nominal }, "withdrawn");
  } else passOver(draft, "withdrawn");
}

export function pause(draft: Draft, note: string | undefined): void {
  const said = note === undefined ? {} : { note };
  const { paused } = draft.state;
  if (paused === undefined) decideAllDue(draft);
  draft.change({ paused: { at: paused?.at ?? draft.now, ...said, by: "user" } });
}

/** Times counted one by one for the record; of more it says only from when until when. */
const MOST_COUNTED = 1_000;

export function resume(draft: Draft): void {
  if (draft.state.paused === undefined) return;
  draft.change({ paused: undefined, failures: 0 });
  const { trigger } = draft.state.spec;
  if (trigger.kind === "after") {
    // What ended meanwhile has said when the next is to start.
    if (draft.state.next === undefined) draft.change({ next: nextOf(draft) });
    return;
  }
  passOver(draft, "paused");
  draft.change({ decided: latest(draft), next: nextOf(draft) });
}

/** Times that came and were not decided: while it was paused, or until it was changed. */
function passOver(draft: Draft, reason: "paused" | "withdrawn"): void {
  let first: number | undefined;
  let last = draft.state.decided;
  let count = 0;
  for (;;) {
    const time = draft.times.next(draft.state, last);
    if (time === undefined || time.nominal > draft.now) break;
    first ??= time.nominal;
    last = time.nominal;
    count += 1;
    if (count >= MOST_COUNTED) break;
  }
  if (first === undefined) return;
  const counted = count < MOST_COUNTED ? { until: last, count } : { until: draft.now };
  draft.skip({ origin: "time", nominal: first }, reason, counted);
}

export function remove(
  state: ScheduleState,
  command: Extract<ScheduleCommand, { kind: "schedule.delete" }>,
  environment: ScheduleEnvironment,
): ScheduleDecided {
  if (command.source === undefined && state.source === "definition")
    return refused(state, `the schedule ${state.name} ${MADE.definition} without a schedule`);
  if (command.source === "definition" && state.source === "api")
    return { state, answer: { kind: "ignored" } };
  const draft = new Draft(state, environment);
  decideAllDue(draft);
  giveUpPending(draft);
  for (const waiting of draft.state.buffer) draft.skip(waiting, "withdrawn");
  const { starts, cancels, decisions } = draft.finish();
  const listens = state.spec.trigger.kind === "on" ? { listens: [] } : {};
  return {
    starts: starts ?? [],
    cancels: cancels ?? [],
    decisions: decisions ?? [],
    ...listens,
    changed: true,
    answer: { kind: "done" },
  };
}
