/**
 * A task with extensions around it (DSL reference "Extension").
 *
 * `before` lists run first, each with the task's raw input; what they give is dropped, unless one ends with `exit`: then
 * the task itself is bypassed and that output stands for its own. Afterwards the `after` lists run with the task's output;
 * what they give is dropped.
 */
import type { Extension, Json, TaskList, TaskNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import { enter } from "../enter.ts";
import { FatalError, TaskError } from "../errors.ts";
import type { ExtendedFrame, Frame } from "../frame.ts";
import { continueList, startList } from "../list.ts";
import type { Outcome } from "../outcome.ts";
import { holds, rawOf } from "../scope.ts";

/** Wraps the task when an extension applies; `undefined` when none does. */
export function enterExtended(d: Draft, node: TaskNode, frame: Frame): Outcome | undefined {
  const raw = rawOf(d, frame);
  const applies = (node.extensions ?? []).flatMap((extension, index) =>
    appliesTo(d, extension, node, frame, raw) ? [index] : [],
  );
  if (applies.length === 0) return undefined;
  const own = d.put<ExtendedFrame>({
    ...frame,
    kind: "extended",
    applies,
    phase: "before",
    turn: -1,
    at: 0,
    steps: 0,
  });
  return advance(d, node, own, { kind: "done", output: raw });
}

function appliesTo(
  d: Draft,
  extension: Extension,
  node: TaskNode,
  frame: Frame,
  raw: Json,
): boolean {
  if (extension.when === undefined) return true;
  // The specification's own example reads the definition straight from `$task` (`$task.call`).
  const task = { ...node.definition, name: node.name, reference: node.reference };
  const extra = { task: { ...task, definition: node.definition, input: raw } };
  try {
    return holds(d, extension.when, raw, { frame, node, input: raw, extra });
  } catch (error) {
    // It asks each task it might extend for what only some have, as the specification's example does.
    if (error instanceof TaskError && !(error instanceof FatalError)) return false;
    throw error;
  }
}

export function continueExtended(
  d: Draft,
  node: TaskNode | undefined,
  frame: ExtendedFrame,
  ended: Outcome,
): Outcome {
  if (node === undefined) throw new Error(`no task at ${frame.ref}`);
  if (frame.phase === "task") return afterTask(d, node, d.own(frame), ended);
  const listEnd = continueList(d, frame, tasksOf(node, frame), keyOf(frame), ended);
  return advance(d, node, d.own(frame), listEnd);
}

/** After a list of the current phase ended: runs the next ones in turn, then what comes after them. */
function advance(d: Draft, node: TaskNode, frame: ExtendedFrame, ended: Outcome): Outcome {
  let outcome = ended;
  while (outcome.kind === "done") {
    if (outcome.left === true) return outcomeOf(frame, outcome.output);
    frame.turn += 1;
    if (frame.turn >= frame.applies.length) {
      if (frame.phase === "after") return outcomeOf(frame, frame.output ?? null);
      return runTask(d, node, frame);
    }
    const data = frame.phase === "before" ? rawOf(d, frame) : (frame.output ?? null);
    outcome = startList(d, frame, tasksOf(node, frame), keyOf(frame), data);
  }
  return outcome;
}

function runTask(d: Draft, node: TaskNode, frame: ExtendedFrame): Outcome {
  frame.phase = "task";
  const raw = rawOf(d, frame);
  const place = { parent: frame, slot: 0, key: `${frame.key}.x`, raw, bare: true };
  return afterTask(d, node, frame, enter(d, node, place));
}

function afterTask(d: Draft, node: TaskNode, frame: ExtendedFrame, ended: Outcome): Outcome {
  if (ended.kind !== "done") return ended;
  frame.phase = "after";
  frame.turn = -1;
  frame.output = ended.output;
  if (ended.flow !== undefined) frame.flow = ended.flow;
  return advance(d, node, frame, { kind: "done", output: ended.output });
}

/** The task's end: by its own output and flow, or by those of an extension left with `exit`. */
function outcomeOf({ flow }: ExtendedFrame, output: Json): Outcome {
  return { kind: "done", output, ...(flow && { flow }) };
}

function tasksOf(node: TaskNode, frame: ExtendedFrame): TaskList {
  const extension = node.extensions?.[frame.applies[frame.turn] ?? -1];
  return (frame.phase === "before" ? extension?.before : extension?.after) ?? [];
}

function keyOf(frame: ExtendedFrame): string {
  return `${frame.key}.${frame.phase}${frame.turn}`;
}
