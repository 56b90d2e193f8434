/**
 * One occurrence of a task from beginning to end: condition, input, body, output, export (DSL "Data Flow", steps 3–8).
 *
 *   open ──if false──▶ skipped
 *    │
 *    ├─ raw input valid? ─ input.from ─ timeout armed ─ body
 *    │                                                   │
 *    │            waiting ◀── frames stay ───────────────┤
 *    ▼                                                   ▼
 *  faulted ◀── anything raised on the way ── output.as, schema, export ──▶ completed
 */
import type { DataStep, Json, TaskNode } from "@millrace/language";
import { startBody } from "./body.ts";
import type { Draft } from "./draft.ts";
import { FatalError, standardError, TaskError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { beginFailure } from "./kept.ts";
import { CONTINUE, type Outcome } from "./outcome.ts";
import { duration, evaluate, holds, inputOf, rawOf, type Site } from "./scope.ts";
import { enterExtended } from "./tasks/extended.ts";

/** Where a task is entered. */
export interface Place {
  readonly parent: Frame;
  readonly slot: number;
  /** The logical position; see `Frame.key`. */
  readonly key: string;
  readonly raw: Json;
  /** The extensions around the task already run: enter the task itself. */
  readonly bare?: boolean;
}

/** Starts a task and runs it as far as it goes without the outside world. */
export function enter(d: Draft, node: TaskNode, place: Place): Outcome {
  d.step(node.reference);
  const frame = open(d, node, place);
  const site: Site = { frame, node };
  return settle(d, node, frame, () => {
    const raw = rawOf(d, frame);
    if (node.if !== undefined && !place.bare && !holds(d, node.if, raw, site)) return undefined;
    if (node.extensions !== undefined && !place.bare) {
      const extended = enterExtended(d, node, frame);
      if (extended !== undefined) return extended;
    }
    d.record({ kind: "task.started", task: node.reference, occurrence: frame.id, name: node.name });
    prepareInput(d, node, frame, raw);
    armTimeout(d, node, frame);
    return startBody(d, node, d.frames.get(frame.id) ?? frame);
  });
}

function open(d: Draft, node: TaskNode, place: Place): Frame {
  const frame: Frame = {
    kind: "task",
    id: d.nextId(),
    ref: node.reference,
    parent: place.parent.id,
    slot: place.slot,
    key: place.key,
    startedAt: d.env.now,
  };
  d.nesting?.set(frame.id, place.parent.id);
  if (place.raw !== inputOf(d, place.parent)) frame.raw = place.raw;
  return d.put(frame);
}

function prepareInput(d: Draft, node: TaskNode, frame: Frame, raw: Json): void {
  if (node.input === undefined) return;
  check(node.input, raw, "input", node);
  if (node.input.transform === undefined) return;
  const input = evaluate(d, node.input.transform, raw, { frame, node });
  if (input !== raw) d.own(frame).input = input;
}

export function armTimeout(d: Draft, node: TaskNode, frame: Frame): void {
  if (node.timeout === undefined) return;
  const input = inputOf(d, frame);
  const at = d.env.now + duration(d, node.timeout, input, { frame, node, input });
  d.own(frame).timeoutAt = at;
  d.setTimer(`t${frame.id}`, at);
}

/**
 * Brings what a task's body gave to the task's end.
 * @param body gives the body's outcome, or `undefined` when the task's `if` did not hold
 */
export function settle(
  d: Draft,
  node: TaskNode,
  frame: Frame,
  body: () => Outcome | undefined,
): Outcome {
  let outcome: Outcome;
  try {
    const given = body();
    outcome = given === undefined ? skip(d, node, frame) : leave(d, node, frame, given);
  } catch (error) {
    if (!(error instanceof TaskError) || error instanceof FatalError) throw error;
    outcome = { kind: "raised", error: error.error };
  }
  if (outcome.kind === "raised") fault(d, node, frame, outcome);
  return outcome;
}

function skip(d: Draft, node: TaskNode, frame: Frame): Outcome {
  const raw = rawOf(d, frame);
  d.record({ kind: "task.skipped", task: node.reference, occurrence: frame.id, name: node.name });
  d.close(frame);
  return { kind: "done", output: raw, flow: CONTINUE };
}

function leave(d: Draft, node: TaskNode, frame: Frame, given: Outcome): Outcome {
  switch (given.kind) {
    case "waiting":
    case "raised":
      return given;
    case "end":
      complete(d, node, frame, given.output);
      return given;
    case "done": {
      const flow = given.flow ?? node.then;
      // The task inside an extension wrapper has already made its own output.
      const output = isWrapper(d, frame)
        ? given.output
        : produceOutput(d, node, given.output, { frame, node, input: inputOf(d, frame) });
      complete(d, node, frame, output);
      return { kind: "done", output, flow };
    }
  }
}

/** Data flow steps 5 to 8, of a task or of a `foreach` over messages or events: gives the output, and sets the context. */
export function produceOutput(
  d: Draft,
  steps: Pick<TaskNode, "output" | "export">,
  rawOutput: Json,
  site: Site & { readonly node: TaskNode },
): Json {
  const { node } = site;
  let output = rawOutput;
  if (steps.output !== undefined) {
    if (steps.output.transform !== undefined)
      output = evaluate(d, steps.output.transform, rawOutput, { ...site, rawOutput });
    check(steps.output, output, "output", node);
  }
  if (steps.export !== undefined) {
    const { transform } = steps.export;
    const context = transform
      ? evaluate(d, transform, output, { ...site, output, rawOutput })
      : d.state.context;
    check(steps.export, context, "export", node);
    // Only a valid one: a `try` around may go on with the context.
    d.state.context = context;
  }
  return output;
}

/** Work done outside is shown in the history; what pure tasks gave follows from their definition. */
const OUTSIDE: ReadonlySet<TaskNode["kind"]> = new Set([
  "call",
  "subscribe",
  "listen",
  "process",
  "workflow",
  "emit",
]);

function complete(d: Draft, node: TaskNode, frame: Frame, output: Json): void {
  if (!isWrapper(d, frame)) {
    const fact = { kind: "task.completed", task: node.reference, occurrence: frame.id } as const;
    d.record(OUTSIDE.has(node.kind) ? { ...fact, output } : fact);
  }
  d.close(frame);
}

/** The frame around a task and its extensions: the task inside has its own facts. */
function isWrapper(d: Draft, frame: Frame): boolean {
  return d.frames.get(frame.id)?.kind === "extended";
}

function fault(
  d: Draft,
  node: TaskNode,
  frame: Frame,
  outcome: Extract<Outcome, { kind: "raised" }>,
): void {
  const { error } = outcome;
  beginFailure(d, error, frame);
  if (!isWrapper(d, frame))
    d.record({ kind: "task.faulted", task: node.reference, occurrence: frame.id, error });
  d.close(frame);
}

/** Validates a data-flow step. @throws {TaskError} the standard validation error, naming the first mismatches */
export function check(
  step: DataStep,
  value: Json,
  what: "input" | "output" | "export",
  node: { readonly reference: string },
): void {
  const issues = step.schema?.validate(value) ?? [];
  if (issues.length === 0) return;
  const shown = issues.slice(0, 3).map((issue) => `${issue.pointer || "/"}: ${issue.message}`);
  throw new TaskError(
    standardError("validation", `invalid ${what}: ${shown.join("; ")}`, node.reference),
  );
}
