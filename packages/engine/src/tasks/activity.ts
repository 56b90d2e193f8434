/** `call` and `run` of processes: work done outside, asked for once and waited for (DSL reference "Call", "Run"). */
import {
  type CallNode,
  isObject,
  type Json,
  type RunProcessNode,
  type SubscribeNode,
} from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { ActivityType, ScheduleActivity } from "../effect.ts";
import { standardError, TaskError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { evaluate, inputOf, scopeOf } from "../scope.ts";

export function startActivity(d: Draft, node: CallNode, frame: Frame): Outcome {
  scheduleActivity(d, node, frame, `call:${node.call}`);
  d.put({ ...frame, kind: "activity" });
  return WAITING;
}

export function startProcess(d: Draft, node: RunProcessNode, frame: Frame): Outcome {
  scheduleActivity(d, node, frame, `run:${node.process}`);
  // "When set to false, the task … should simply output its transformed input."
  if (!node.await) return { kind: "done", output: inputOf(d, frame) };
  d.put({ ...frame, kind: "activity" });
  return WAITING;
}

export function scheduleActivity(
  d: Draft,
  node: CallNode | SubscribeNode | RunProcessNode,
  frame: Frame,
  type: ActivityType,
): void {
  const data = inputOf(d, frame);
  const input: Json = evaluate(d, node.with, data, { frame, node, input: data });
  if (!isObject(input))
    throw new TaskError(
      standardError("expression", "the arguments did not evaluate to an object", node.reference),
    );
  const deadline = nearestTimeout(d, frame);
  const effect: ScheduleActivity = {
    kind: "activity.schedule",
    activityId: frame.id,
    idempotencyKey: `${d.state.id}${frame.key}`,
    name: node.name,
    reference: node.reference,
    type,
    input,
    ...deferredInput(d, node, frame, data),
    data,
    ...(node.kind === "process" ? { return: node.return } : {}),
    ...(deadline === undefined ? {} : { deadline }),
  };
  d.effect(effect);
}

/** What the executor is to evaluate, with the variables it needs for that; nothing when there is none. */
function deferredInput(
  d: Draft,
  node: CallNode | SubscribeNode | RunProcessNode,
  frame: Frame,
  data: Json,
): Pick<ScheduleActivity, "deferred"> {
  const parts = node.with.deferred ?? [];
  if (parts.length === 0) return {};
  const uses = new Set(parts.flatMap((part) => part.uses));
  uses.delete("secrets");
  uses.delete("authorization");
  const variables = scopeOf(d, [...uses], { frame, node, input: data });
  return { deferred: { parts, variables, now: d.env.now } };
}

/** The earliest timeout of the task, the tasks around it, and the workflow. */
function nearestTimeout(d: Draft, frame: Frame): number | undefined {
  let nearest = d.state.timeoutAt;
  let each: Frame | undefined = d.frames.get(frame.id);
  while (each !== undefined) {
    const at = each.timeoutAt;
    if (at !== undefined && (nearest === undefined || at < nearest)) nearest = at;
    each = each.parent === undefined ? undefined : d.frames.get(each.parent);
  }
  return nearest;
}
