/** How the end of a task goes up through the tasks around it, as far as the end of the instance. */
import type { Json } from "@millrace/language";
import { continueBody } from "./body.ts";
import { cancelBelow } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { check, settle } from "./enter.ts";
import type { WorkflowError } from "./error.ts";
import { TaskError } from "./errors.ts";
import type { Frame, RootFrame } from "./frame.ts";
import { beginFailure, keep } from "./kept.ts";
import { continueList } from "./list.ts";
import type { Outcome } from "./outcome.ts";
import { evaluate } from "./scope.ts";
import type { Status } from "./state.ts";

/** Brings the outcome of a frame's body up through the frames around it, as far as it goes. */
export function propagate(d: Draft, from: Frame, body: () => Outcome): void {
  let frame = from;
  let next = body;
  for (;;) {
    if (frame.kind === "root") return finishRoot(d, frame, next());
    const node = d.program.nodes.get(frame.ref);
    if (node === undefined) throw new Error(`no task at ${frame.ref} in ${d.program.name}`);
    const ended = settle(d, node, frame, next);
    if (ended.kind === "waiting") return;
    const parent = d.frames.get(frame.parent ?? "");
    if (parent === undefined) throw new Error(`frame ${frame.id} has lost its parent`);
    next = continuation(d, parent, frame.slot, ended);
    frame = parent;
  }
}

/** Brings the end of the task in `slot` of `parent` up, as far as it goes. */
export function passOn(d: Draft, parent: Frame, slot: number, ended: Outcome): void {
  if (ended.kind === "waiting") return;
  propagate(d, parent, continuation(d, parent, slot, ended));
}

function continuation(d: Draft, parent: Frame, slot: number, ended: Outcome): () => Outcome {
  return () =>
    parent.kind === "root"
      ? continueList(d, parent, d.program.tasks, parent.key, ended)
      : continueBody(d, parent, slot, ended);
}

export function finishRoot(d: Draft, root: RootFrame, outcome: Outcome): void {
  switch (outcome.kind) {
    case "waiting":
      return;
    case "raised":
      return faultInstance(d, outcome.error);
    default:
      try {
        const output = workflowOutput(d, outcome.output);
        cancelBelow(d, root);
        endInstance(d, "completed");
        d.state.output = output;
        d.record({ kind: "workflow.completed", output });
      } catch (error) {
        if (!(error instanceof TaskError)) throw error;
        beginFailure(d, error.error, root);
        faultInstance(d, error.error);
      }
  }
}

export function faultInstance(d: Draft, error: WorkflowError): void {
  beginFailure(d, error);
  cancelAll(d);
  const kept = keep(d);
  endInstance(d, "faulted");
  d.state.error = error;
  d.state.kept = kept;
  d.record({ kind: "workflow.faulted", error });
}

export function cancelAll(d: Draft): void {
  for (const frame of d.frames.values()) if (frame.kind === "root") cancelBelow(d, frame);
}

export function endInstance(d: Draft, status: Status): void {
  d.frames.clear();
  for (const key of d.values.keys()) d.dropValue(key);
  if (d.state.timeoutAt !== undefined) d.clearTimer("W");
  delete d.state.timeoutAt;
  delete d.state.held;
  d.state.status = status;
  d.state.endedAt = d.env.now;
}

/** Data flow steps 10 and 11. */
function workflowOutput(d: Draft, raw: Json): Json {
  const { output } = d.program;
  if (output === undefined) return raw;
  const given =
    output.transform === undefined
      ? raw
      : evaluate(d, output.transform, raw, { reference: "/output/as" });
  check(output, given, "output", { reference: "/output" });
  return given;
}
