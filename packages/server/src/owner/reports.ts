/** What others are told of the start and the end of an instance: its parent, and the schedule that started it. */
import { isTerminal, standardError, type StartCommand, type State } from "@millrace/engine";
import type { EndStatus, Occasion } from "../scheduler/schedule.ts";
import type { DecideContext } from "./decide-batch.ts";
import { type EffectContext, send } from "./effects.ts";
import type { Entry } from "./entry.ts";

export type ReportContext = Pick<DecideContext, "now" | "mailId" | "batch" | "after"> &
  Pick<EffectContext, "large">;

/** A time whose instance was there before: the schedule waits for an end that was told already, or that nobody tells. */
export function reportExisting(
  { instanceId }: Entry,
  { schedule }: StartCommand,
  state: State,
  context: ReportContext,
): void {
  if (isTerminal(state.status))
    reportToSchedule(schedule, instanceId, state.status as EndStatus, context);
  else if (state.schedule?.report !== true)
    reportToSchedule(schedule, instanceId, "unknown", context);
}

/** The end of an instance is a command for whoever waits for it, written in the instance's own transaction. */
export function reportEnd(state: State, context: ReportContext): void {
  reportToParent(state, context);
  reportToSchedule(state.schedule, state.id, state.status as EndStatus, context);
}

function reportToParent(state: State, context: ReportContext): void {
  if (state.parent === undefined) return;
  const { instanceId, childId } = state.parent;
  const result =
    state.status === "completed"
      ? ({ status: "completed", output: state.output ?? null } as const)
      : ({
          status: state.status === "cancelled" ? "cancelled" : "faulted",
          error: state.error ?? standardError("runtime", `the child was ${state.status}`, "/"),
        } as const);
  const command = { kind: "child.finished", childId, result } as const;
  send(instanceId, { command }, context, context.batch, context.after);
}

/** A child or a scheduled instance that cannot start: its parent, or the schedule, is told. */
export function refuseStart(entry: Entry, detail: string, context: ReportContext): void {
  const { command } = entry;
  if (command.kind !== "start") return;
  reportToSchedule(command.schedule, entry.instanceId, "refused", context, detail);
  if (command.parent === undefined) return;
  const error = standardError("configuration", detail, "/");
  const { instanceId, childId } = command.parent;
  const finished = {
    kind: "child.finished",
    childId,
    result: { status: "faulted", error },
  } as const;
  send(instanceId, { command: finished }, context, context.batch, context.after);
}

/** The end of an instance that a schedule started is a command for the schedule, where it wants to know. */
function reportToSchedule(
  schedule:
    | {
        readonly id: string;
        readonly occasion: Pick<Occasion, "origin" | "nominal" | "key">;
        readonly report: boolean;
      }
    | undefined,
  instanceId: string,
  status: EndStatus,
  context: ReportContext,
  detail?: string,
): void {
  if (schedule === undefined) return;
  // A start that was refused is on record as such, wanted or not.
  if (!schedule.report && status !== "refused") return;
  const { id, occasion } = schedule;
  const said = detail === undefined ? {} : { detail };
  const command = { kind: "schedule.ended", instanceId, occasion, status, ...said } as const;
  send(id, { command, schedule: true }, context, context.batch, context.after);
}
