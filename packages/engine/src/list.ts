/** Runs a list of tasks in order, following flow directives (DSL "Task Flow"). */
import type { Flow, Json, TaskList } from "@millrace/language";
import type { Draft } from "./draft.ts";
import { enter } from "./enter.ts";
import type { Frame, ListPosition } from "./frame.ts";
import type { Outcome } from "./outcome.ts";

export type ListFrame = Frame & ListPosition;

/** Runs from the first task. `key` is the logical position of the list. */
export function startList(
  d: Draft,
  frame: ListFrame,
  tasks: TaskList,
  key: string,
  data: Json,
): Outcome {
  d.own(frame).steps = 0;
  return runFrom(d, frame, tasks, key, data, 0);
}

/** Goes on after the task at the frame's position ended. */
export function continueList(
  d: Draft,
  frame: ListFrame,
  tasks: TaskList,
  key: string,
  ended: Outcome,
): Outcome {
  if (ended.kind !== "done") return ended;
  const next = follow(ended.flow, frame.at);
  if (next === "end") return { kind: "end", output: ended.output };
  if (next === "exit") return { kind: "done", output: ended.output, left: true };
  return runFrom(d, frame, tasks, key, ended.output, next);
}

function runFrom(
  d: Draft,
  frame: ListFrame,
  tasks: TaskList,
  key: string,
  data: Json,
  from: number,
): Outcome {
  let at = from;
  let raw = data;
  for (;;) {
    const node = tasks[at];
    if (node === undefined) return { kind: "done", output: raw };
    const position = d.own(frame);
    position.at = at;
    position.steps += 1;
    const place = { parent: position, slot: at, key: `${key}.${position.steps}`, raw };
    const ended = enter(d, node, place);
    if (ended.kind !== "done") return ended;
    const next = follow(ended.flow, at);
    if (next === "end") return { kind: "end", output: ended.output };
    if (next === "exit") return { kind: "done", output: ended.output, left: true };
    raw = ended.output;
    at = next;
  }
}

/** The index to run next. */
function follow(flow: Flow | undefined, at: number): number | "end" | "exit" {
  switch (flow?.kind) {
    case "exit":
    case "end":
      return flow.kind;
    case "task":
      return flow.index;
    default:
      return at + 1;
  }
}
