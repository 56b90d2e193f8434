/**
 * decide(): the engine, a pure function from a state and a command to a state, facts and effects.
 *
 * An instance is *running* or *waiting* from its start; `suspend` halts it (results and timers that arrive are held) until
 * `resume`; it ends *completed*, *faulted* or *cancelled* and never changes again. A command that meets nothing to act
 * on is not an error: results come late and timers race, and the answer is a decision with `applied: false`.
 */
import type { Json, Program } from "@millrace/language";
import { continueBody } from "./body.ts";
import { cancelBelow, release } from "./cancel.ts";
import type { Command, StartCommand } from "./command.ts";
import { isDeeper } from "./depth.ts";
import { Draft } from "./draft.ts";
import type { Effect } from "./effect.ts";
import { check, settle } from "./enter.ts";
import type { WorkflowError } from "./error.ts";
import { FatalError, standardError, TaskError } from "./errors.ts";
import type { HistoryEvent } from "./event.ts";
import type { Frame, RootFrame } from "./frame.ts";
import { isAwaited } from "./held.ts";
import { continueList, startList } from "./list.ts";
import type { Outcome } from "./outcome.ts";
import { duration, evaluate, inputOf } from "./scope.ts";
import { type HeldCommand, isTerminal, type State, STATE_VERSION, type Status } from "./state.ts";
import { attemptExpired, retryDue } from "./tasks/try.ts";

/** What `decide` may know of the world. */
export interface Environment {
  /** Epoch milliseconds: the owner's reading of database time. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Millisecond clock for the time budget of expressions; absent in simulations. */
  readonly monotonic?: () => number;
  /**
   * Values nested deeper fault the instance. Absent: not looked at, for those who can tell by other means that what was
   * decided cannot be written as JSON (a few thousand levels overflow the stack).
   */
  readonly maxDepth?: number;
  /** `$runtime` (DSL "Runtime Descriptor"). */
  readonly runtime: { readonly name: string; readonly version: string };
}

export interface Decision {
  readonly state: State;
  /** Facts to append to the history, their `seq` following the state's. */
  readonly events: readonly HistoryEvent[];
  readonly effects: readonly Effect[];
  /** False when the command met nothing to act on (a late result, a stale timer) and nothing changed. */
  readonly applied: boolean;
}

/**
 * Applies one command.
 * @param state `undefined` for `start`, the last committed state otherwise
 * @throws {Error} when `start` meets a state or another command meets none: a fault of the caller
 */
export function decide(
  program: Program,
  state: State | undefined,
  command: Command,
  environment: Environment,
): Decision {
  if (command.kind === "start" && state !== undefined)
    throw new Error(`instance ${state.id} has already started`);
  if (command.kind !== "start" && state === undefined)
    throw new Error(`${command.kind} for an instance that has not started`);
  if (state !== undefined && isTerminal(state.status)) return ignored(state);
  const draft = (): Draft =>
    new Draft(program, state ?? initial(command, environment), environment);
  const d = draft();
  const decision = decided(d, () => apply(d, command));
  const { maxDepth } = environment;
  if (maxDepth === undefined || !isDeeper(decision, maxDepth)) return decision;
  return tooDeep(draft(), command, maxDepth);
}

/** The decision is given up for one that ends the instance: what it made cannot be written down. */
function tooDeep(d: Draft, command: Command, maxDepth: number): Decision {
  const decision = decided(d, () => {
    if (command.kind === "start") d.record({ kind: "workflow.started", input: command.input });
    const detail = `values are nested more than ${maxDepth} deep`;
    faultInstance(d, standardError("runtime", detail, "/"));
    return true;
  });
  return { ...decision, effects: decision.effects.filter((effect) => !isOver(effect, command)) };
}

/** What the command brought is over: there is nothing to take back. */
function isOver(effect: Effect, command: Command): boolean {
  if (effect.kind === "timer.clear" && command.kind === "timer.fired")
    return effect.timerId === command.timerId;
  if (effect.kind === "child.cancel" && command.kind === "child.finished")
    return effect.childId === command.childId;
  if (effect.kind !== "activity.cancel") return false;
  return "activityId" in command && effect.activityId === command.activityId;
}

function apply(d: Draft, command: Command): boolean {
  switch (command.kind) {
    case "start":
      return start(d, command);
    case "cancel":
      return cancel(d, command.reason);
    case "suspend":
      return suspend(d, command.reason);
    case "resume":
      return resume(d);
    default:
      return d.state.status === "suspended" ? hold(d, command) : deliver(d, command);
  }
}

function ignored(state: State): Decision {
  return { state, events: [], effects: [], applied: false };
}

/** Runs `change` and closes the draft; an error that no task may catch faults the instance. */
function decided(d: Draft, change: () => boolean): Decision {
  const before = d.state.seq;
  let applied: boolean;
  try {
    applied = change();
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    faultInstance(d, error.error);
    applied = true;
  }
  if (!applied && d.state.seq === before) return ignored(d.original);
  if (!isTerminal(d.state.status) && d.state.status !== "suspended") d.state.status = phase(d);
  const { state, effects } = d.finish();
  return { state, events: d.events, effects, applied };
}

/** `waiting` when nothing but time is waited for, else `running` (DSL "Status Phases"). */
function phase(d: Draft): Status {
  for (const { kind } of d.frames.values())
    if (kind === "activity" || kind === "child") return "running";
  return "waiting";
}

/** @throws {Error} for any other command than `start` */
function initial(command: Command, environment: Environment): State {
  if (command.kind !== "start") throw new Error(`${command.kind} starts nothing`);
  return {
    v: STATE_VERSION,
    id: command.instanceId,
    status: "running",
    seq: 0,
    input: command.input,
    context: null,
    startedAt: environment.now,
    next: 1,
    frames: {},
    ...(command.parent === undefined ? {} : { parent: command.parent }),
  };
}

function start(d: Draft, command: StartCommand): boolean {
  const { program } = d;
  d.record({ kind: "workflow.started", input: command.input });
  try {
    const input = workflowInput(d, command.input);
    d.state.context = input;
    if (program.timeout !== undefined) {
      d.state.timeoutAt = d.env.now + duration(d, program.timeout, input, { input });
      d.setTimer("W", d.state.timeoutAt);
    }
    const root = d.put<RootFrame>({
      kind: "root",
      id: d.nextId(),
      ref: "/do",
      slot: 0,
      key: "/",
      startedAt: d.env.now,
      raw: input,
      at: 0,
      steps: 0,
    });
    finishRoot(d, root, startList(d, root, program.tasks, root.key, input));
  } catch (error) {
    if (!(error instanceof TaskError) || error instanceof FatalError) throw error;
    faultInstance(d, error.error);
  }
  return true;
}

/** Data flow steps 1 and 2. */
function workflowInput(d: Draft, raw: Json): Json {
  const { input } = d.program;
  if (input === undefined) return raw;
  check(input, raw, "input", { reference: "/input" });
  if (input.transform === undefined) return raw;
  return evaluate(d, input.transform, raw, { reference: "/input/from" });
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

/** Brings the outcome of a frame's body up through the frames around it, as far as it goes. */
function propagate(d: Draft, from: Frame, body: () => Outcome): void {
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
    const { slot } = frame;
    next = () =>
      parent.kind === "root"
        ? continueList(d, parent, d.program.tasks, parent.key, ended)
        : continueBody(d, parent, slot, ended);
    frame = parent;
  }
}

function finishRoot(d: Draft, root: RootFrame, outcome: Outcome): void {
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
        faultInstance(d, error.error);
      }
  }
}

function faultInstance(d: Draft, error: WorkflowError): void {
  cancelAll(d);
  endInstance(d, "faulted");
  d.state.error = error;
  d.record({ kind: "workflow.faulted", error });
}

function cancelAll(d: Draft): void {
  for (const frame of d.frames.values()) if (frame.kind === "root") cancelBelow(d, frame);
}

function endInstance(d: Draft, status: Status): void {
  d.frames.clear();
  for (const key of d.values.keys()) d.dropValue(key);
  if (d.state.timeoutAt !== undefined) d.clearTimer("W");
  delete d.state.timeoutAt;
  delete d.state.held;
  d.state.status = status;
  d.state.endedAt = d.env.now;
}

function cancel(d: Draft, reason: string | undefined): boolean {
  cancelAll(d);
  endInstance(d, "cancelled");
  d.record({ kind: "workflow.cancelled", ...(reason === undefined ? {} : { reason }) });
  return true;
}

function suspend(d: Draft, reason: string | undefined): boolean {
  if (d.state.status === "suspended") return false;
  d.state.status = "suspended";
  d.record({ kind: "workflow.suspended", ...(reason === undefined ? {} : { reason }) });
  return true;
}

function resume(d: Draft): boolean {
  if (d.state.status !== "suspended") return false;
  const held = d.state.held ?? [];
  delete d.state.held;
  d.state.status = "running";
  d.record({ kind: "workflow.resumed" });
  for (const command of held) if (!isTerminal(d.state.status)) deliver(d, command);
  return true;
}

/** What arrives while suspended waits in the state: its row or timer is consumed by this very commit. */
function hold(d: Draft, command: HeldCommand): boolean {
  if (!isAwaited(d, command)) return false;
  d.state.held = [...(d.state.held ?? []), command];
  return true;
}

function deliver(d: Draft, command: HeldCommand): boolean {
  switch (command.kind) {
    case "activity.completed":
      return leaf(d, command.activityId, "activity", () => done(command.output));
    case "activity.failed":
      return leaf(d, command.activityId, "activity", (frame) => raised(command.error, frame));
    case "child.finished": {
      const { result } = command;
      return leaf(d, command.childId, "child", (frame) =>
        result.status === "completed"
          ? done(result.output)
          : raised({ ...result.error, instance: frame.ref }, frame),
      );
    }
    case "timer.fired":
      return fire(d, command.timerId);
  }
}

function done(output: Json): Outcome {
  return { kind: "done", output };
}
function raised(error: WorkflowError, frame: Frame): Outcome {
  return { kind: "raised", error: { instance: frame.ref, ...error } };
}

/** Ends the waiting frame with this id, if it is still there. */
function leaf(
  d: Draft,
  id: string,
  kind: Frame["kind"],
  outcome: (frame: Frame) => Outcome,
): boolean {
  const frame = d.frames.get(id);
  if (frame?.kind !== kind) return false;
  propagate(d, frame, () => outcome(frame));
  return true;
}

/** Timer ids are a letter for what they end, and the frame's id. */
function fire(d: Draft, timerId: string): boolean {
  if (timerId === "W") {
    if (d.state.timeoutAt === undefined) return false;
    delete d.state.timeoutAt;
    faultInstance(d, standardError("timeout", "the workflow timed out", "/"));
    return true;
  }
  const id = timerId.slice(1);
  switch (timerId[0]) {
    case "w":
      return leaf(d, id, "wait", (frame) => done(inputOf(d, frame)));
    case "t":
      return timeOut(d, id);
    case "r":
    case "a":
      return fireTry(d, timerId[0], id);
    default:
      return false;
  }
}

function timeOut(d: Draft, id: string): boolean {
  const frame = d.frames.get(id);
  if (frame?.timeoutAt === undefined) return false;
  const expired = d.own(frame);
  // The timer has fired: there is nothing to clear.
  delete expired.timeoutAt;
  cancelBelow(d, expired);
  release(d, expired);
  const error = standardError("timeout", "the task timed out", frame.ref);
  propagate(d, expired, () => raised(error, frame));
  return true;
}

function fireTry(d: Draft, letter: "r" | "a", id: string): boolean {
  const frame = d.frames.get(id);
  if (frame?.kind !== "try") return false;
  const node = d.program.nodes.get(frame.ref);
  if (node?.kind !== "try") return false;
  if (letter === "r") {
    if (frame.phase !== "delay" || d.env.now < (frame.retryAt ?? 0)) return false;
    propagate(d, frame, () => retryDue(d, node, frame));
    return true;
  }
  if (frame.attemptUntil === undefined || d.env.now < frame.attemptUntil) return false;
  delete d.own(frame).attemptUntil;
  const error = standardError("timeout", "the attempt timed out", frame.ref);
  propagate(d, frame, () => attemptExpired(d, node, frame, error));
  return true;
}
