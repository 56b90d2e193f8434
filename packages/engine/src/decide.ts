/**
 * decide(): the engine, a pure function from a state and a command to a state, facts and effects.
 *
 * An instance is *running* or *waiting* from its start; `suspend` halts it (results and timers that arrive are held) until
 * `resume`; it ends *completed*, *faulted* or *cancelled* and never changes again, unless a faulted one is retried. A command that meets nothing to act
 * on is not an error: results come late and timers race, and the answer is a decision with `applied: false`.
 */
import type { Json, Program } from "@millrace/language";
import { giveBack } from "./cancel.ts";
import type { Command, StartCommand } from "./command.ts";
import { deliver } from "./deliver.ts";
import { isDeeper } from "./depth.ts";
import { Draft } from "./draft.ts";
import type { Effect } from "./effect.ts";
import { check } from "./enter.ts";
import { FatalError, standardError, TaskError } from "./errors.ts";
import type { HistoryEvent } from "./event.ts";
import { failOverflowed, holdEvent } from "./events/deliver.ts";
import type { RootFrame } from "./frame.ts";
import { dueAt, isAwaited } from "./held.ts";
import { startList } from "./list.ts";
import { cancelAll, endInstance, faultInstance, finishRoot } from "./propagate.ts";
import { type Refusal, retryInstance } from "./retry-instance.ts";
import { duration, evaluate } from "./scope.ts";
import {
  DEFAULT_PRIORITY,
  type HeldCommand,
  isTerminal,
  type State,
  STATE_VERSION,
  type Status,
} from "./state.ts";

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
  /** True: the decision says in which frame each task was entered, for those who draw the tree of tasks. */
  readonly nesting?: boolean;
}

export interface Decision {
  readonly state: State;
  /** Facts to append to the history, their `seq` following the state's. */
  readonly events: readonly HistoryEvent[];
  readonly effects: readonly Effect[];
  /** False when the command met nothing to act on (a late result, a stale timer) and nothing changed. */
  readonly applied: boolean;
  /** Where the environment asks for it: frames entered, each with the frame it was entered in, by id. */
  readonly nesting?: ReadonlyMap<string, string>;
  /** Why a command that its sender could have known not to fit was not applied. */
  readonly refusal?: Refusal;
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
  if (state !== undefined && isTerminal(state.status) && command.kind !== "retry")
    return ignored(state);
  const draft = (): Draft =>
    new Draft(program, state ?? initial(program, command, environment), environment);
  const d = draft();
  const decision = decided(d, () => apply(d, command));
  const { maxDepth } = environment;
  if (maxDepth === undefined || !isDeeper(decision, maxDepth)) return decision;
  return tooDeep(draft(), command, maxDepth);
}

/** The decision is given up for one that ends the instance: what it made cannot be written down. */
function tooDeep(d: Draft, command: Command, maxDepth: number): Decision {
  const detail = `values are nested more than ${maxDepth} deep`;
  if (command.kind === "retry") return ignored(d.original, { what: "state", detail });
  const decision = decided(d, () => {
    if (command.kind === "start") d.record({ kind: "workflow.started", input: command.input });
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
    case "retry":
      return retryInstance(d, command);
    default:
      return d.state.status === "suspended" ? hold(d, command) : deliver(d, command);
  }
}

function ignored(state: State, refusal?: Refusal): Decision {
  const why = refusal === undefined ? {} : { refusal };
  return { state, events: [], effects: [], applied: false, ...why };
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
  if (!applied && d.state.seq === before) return ignored(d.original, d.refusal);
  if (!isTerminal(d.state.status) && d.state.status !== "suspended") d.state.status = phase(d);
  const { state, effects } = d.finish();
  const decision = { state, events: d.events, effects, applied };
  return d.nesting === undefined ? decision : { ...decision, nesting: d.nesting };
}

/** `waiting` when nothing but time is waited for, else `running` (DSL "Status Phases"). */
function phase(d: Draft): Status {
  for (const { kind } of d.frames.values())
    if (kind === "activity" || kind === "subscription" || kind === "child") return "running";
  return "waiting";
}

/** @throws {Error} for any other command than `start` */
function initial(program: Program, command: Command, environment: Environment): State {
  if (command.kind !== "start") throw new Error(`${command.kind} starts nothing`);
  const priority = command.priority ?? program.priority ?? DEFAULT_PRIORITY;
  const state: State = {
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
    ...(command.trace === undefined ? {} : { trace: command.trace }),
    ...(command.schedule === undefined ? {} : { schedule: command.schedule }),
  };
  return priority === DEFAULT_PRIORITY ? state : { ...state, priority };
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
  // A timer that fired was due then: the clock may have been set back since.
  const due = held.map((command) =>
    command.kind === "timer.fired" ? dueAt(d, command.timerId) : undefined,
  );
  for (const [n, command] of held.entries()) {
    if (isTerminal(d.state.status)) return true;
    const now = Math.max(d.env.now, due[n] ?? 0);
    if (!deliver(d, command, now) && command.kind === "event.delivered") giveBack(d, [command.seq]);
  }
  failOverflowed(d);
  return true;
}

/** What arrives while suspended waits in the state: its row or timer is consumed by this very commit. */
function hold(d: Draft, command: HeldCommand): boolean {
  if (command.kind === "event.delivered") return holdEvent(d, command);
  if (!isAwaited(d, command)) return false;
  d.state.held = [...(d.state.held ?? []), command];
  return true;
}
