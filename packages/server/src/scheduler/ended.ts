/** The end of an instance that the schedule started. */
import type { Draft } from "./draft.ts";
import { workOff } from "./due.ts";
import type { EndStatus, ScheduleCommand } from "./schedule.ts";

export function ended(
  draft: Draft,
  { instanceId, occasion, status, detail }: Extract<ScheduleCommand, { kind: "schedule.ended" }>,
): void {
  if (status === "refused")
    draft.skip(occasion, "unknown-workflow", detail === undefined ? {} : { detail });
  const { running, spec } = draft.state;
  const left = running.filter((each) => each.instanceId !== instanceId);
  if (left.length === running.length) return;
  draft.change({ running: left });
  count(draft, status);
  workOff(draft);
  const { trigger } = spec;
  if (trigger.kind !== "after") return;
  draft.change({ lastEnd: draft.now });
  if (draft.state.running.length === 0)
    draft.change({ next: draft.times.at(draft.state, draft.now + trigger.milliseconds) });
}

/** Failures in a row pause it, where it is so wished. */
function count(draft: Draft, status: EndStatus): void {
  const { failures, spec, paused } = draft.state;
  if (status === "completed" && failures > 0) draft.change({ failures: 0 });
  if (status !== "faulted" && status !== "refused") return;
  draft.change({ failures: failures + 1 });
  const most = spec.pauseAfterFailures;
  if (most === undefined || failures + 1 < most || paused !== undefined) return;
  const note = `${failures + 1} instances in a row have failed`;
  draft.change({ paused: { at: draft.now, note, by: "failures" } });
}
