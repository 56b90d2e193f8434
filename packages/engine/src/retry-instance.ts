/**
 * `retry`: a faulted instance goes on (docs/instances.md).
 *
 * The frames that stood when it faulted (kept.ts) are put back, each under a new id, so that nothing late of the old ones
 * can meet them, and with timeouts that begin anew. What had ended stays ended. Then every task that was under way, the
 * failed one and those that its error cancelled, is entered anew with its raw input and its logical position: so an
 * activity carries the idempotency key of the first time, as with the retries of a `try`; unless it is given another input. A
 * `try` goes on counting its attempts, and a subscription or a `listen` goes on with what it had gathered.
 *
 * With `from` the task of that name or reference is entered in place of whatever ran in its list. Unless it is the very
 * task that ran there, this is a step of its own, as after a `then`, with idempotency keys of its own.
 */
import type { Json, Program, TaskList, TaskNode } from "@millrace/language";
import type { RetryCommand } from "./command.ts";
import type { Draft } from "./draft.ts";
import { armTimeout, enter } from "./enter.ts";
import { TaskError } from "./errors.ts";
import type { ForkFrame, Frame, TaskFrame } from "./frame.ts";
import { childrenOf, failedPath, type Kept, keptRaw, MAX_KEPT } from "./kept.ts";
import type { ListFrame } from "./list.ts";
import { faultInstance, passOn, propagate } from "./propagate.ts";
import { duration, rawOf } from "./scope.ts";
import { isTerminal } from "./state.ts";
import { listenAgain } from "./tasks/listen.ts";
import { reopenSubscription } from "./tasks/subscribe.ts";
import { armAttempt, retryDue } from "./tasks/try.ts";

/** Retries that are known when they are asked for again: others may have come between. */
const MOST_RETRY_IDS = 16;

/** Why a retry was refused. */
export interface Refusal {
  /** `state`: the instance is not one that can be retried; `from`, `input`: what the command gave does not fit. */
  readonly what: "state" | "from" | "input";
  readonly detail: string;
}

/** A task that a retry may begin with. */
interface Target {
  readonly node: TaskNode;
  /** The frame whose list it stands in. */
  readonly list?: ListFrame;
  /** The frame on the path of the failed task that it is entered in place of. */
  readonly instead?: Frame;
  /** Its index in that list. */
  readonly slot: number;
}

/** What is put back, and with what it goes on. */
interface Plan {
  readonly kept: Kept;
  readonly target?: Target;
  readonly input?: Json;
}

/** @returns false when it changes nothing; then `d.refusal` says why, unless the very command was applied before */
export function retryInstance(d: Draft, command: RetryCommand): boolean {
  const retryIds = d.state.retryIds ?? [];
  if (retryIds.includes(command.retryId)) return false;
  const plan = planOf(d, command);
  if ("detail" in plan) {
    d.refusal = plan;
    return false;
  }
  const { kept, target } = plan;
  delete d.state.kept;
  delete d.state.error;
  delete d.state.endedAt;
  d.state.retryIds = [...retryIds, command.retryId].slice(-MOST_RETRY_IDS);
  d.state.status = "running";
  const failed = kept.frames[kept.failed ?? ""];
  d.record({
    kind: "workflow.retried",
    ...(failed === undefined || failed.kind === "root" ? {} : { task: failed.ref }),
    ...(target === undefined ? {} : { from: target.node.reference }),
  });
  try {
    for (const goOn of putBack(d, plan)) if (!isTerminal(d.state.status)) goOn();
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    faultInstance(d, error.error);
  }
  return true;
}

function planOf(d: Draft, { from, input }: RetryCommand): Plan | Refusal {
  const state = (detail: string): Refusal => ({ what: "state", detail });
  const { status, kept } = d.state;
  if (status !== "faulted") return state(`it is ${status}, not faulted`);
  if (kept === undefined)
    return state("it faulted before a server kept what a retry needs: start a new instance");
  if ("tooLarge" in kept)
    return state(
      `its data were too large to be kept for a retry (${MAX_KEPT} characters of JSON at most): start a new instance`,
    );
  const path = failedPath(kept);
  if (path.length === 0) return state("no task of it had started: start a new instance");
  const targets = targetsOf(d.program, path);
  const given = input === undefined ? {} : { input };
  if (from !== undefined) {
    const wanted = from.startsWith("/") ? "reference" : "name";
    const target = targets.find(({ node }) => node[wanted] === from);
    if (target !== undefined) return { kept, target, ...given };
    return { what: "from", detail: `no task ${from} to go on from: ${list(targets)}` };
  }
  const failed = kept.frames[kept.failed ?? ""];
  if (failed?.kind === "root" || path.at(-1)?.kind === "root")
    return { what: "from", detail: `no task failed that could be retried: ${list(targets)}` };
  if (input !== undefined && path.at(-1)?.id !== kept.failed)
    return { what: "input", detail: `no one task would get the input: ${list(targets)}` };
  return { kept, ...given };
}

function list(targets: readonly Target[]): string {
  const references = new Set(targets.map(({ node }) => node.reference));
  return `name one of ${[...references].join(", ")}`;
}

/** The tasks beside the failed one, then those of the lists around it, from the inside to the outside. */
function targetsOf(program: Program, path: readonly Frame[]): readonly Target[] {
  const targets: Target[] = [];
  for (const [index, frame] of [...path.entries()].toReversed()) {
    const instead = path[index + 1];
    const tasks = tasksOf(program, frame);
    if (tasks !== undefined && (instead !== undefined || frame.kind === "root")) {
      const place = { list: frame as ListFrame, ...(instead === undefined ? {} : { instead }) };
      for (const [slot, node] of tasks.entries()) targets.push({ node, slot, ...place });
    } else if (instead !== undefined && frame.kind !== "extended") {
      const node = program.nodes.get(instead.ref);
      if (node !== undefined) targets.push({ node, instead, slot: instead.slot });
    }
  }
  return targets;
}

/** The list that the frame is running; undefined when it runs none, or that of an extension. */
function tasksOf(program: Program, frame: Frame): TaskList | undefined {
  if (frame.kind === "root") return program.tasks;
  const node = program.nodes.get(frame.ref);
  if (frame.kind === "do" && node?.kind === "do") return node.tasks;
  if (frame.kind === "for" && node?.kind === "for") return node.tasks;
  if (frame.kind === "try" && node?.kind === "try")
    return frame.phase === "handler" ? node.catch.tasks : node.tasks;
  if (frame.kind === "subscription" && node?.kind === "subscribe") return node.foreach?.tasks;
  if (frame.kind === "listen" && node?.kind === "listen") return node.foreach?.tasks;
  return undefined;
}

type GoOn = () => void;

/** Puts the frames back; gives what lets each of those go on that nothing below will. */
function putBack(d: Draft, plan: Plan): readonly GoOn[] {
  const { kept, target } = plan;
  armWorkflowTimeout(d, kept);
  const below = childrenOf(kept);
  const goOn: GoOn[] = [];
  const visit = (old: Frame, parent: Frame | undefined): void => {
    if (old === target?.instead && target.list === undefined && parent !== undefined)
      return void goOn.push(again(d, old, parent, plan.input));
    const children = below.get(old.id) ?? [];
    const listed = target?.list === old;
    if (children.length === 0 && !listed && !standsInPlace(kept, old) && parent !== undefined)
      return void goOn.push(again(d, old, parent, old.id === kept.failed ? plan.input : undefined));
    const frame = restore(d, kept, old, parent);
    goOn.push(...wake(d, frame, children.length === 0 && !listed));
    if (listed) return void goOn.push(atTarget(d, plan, target, frame as ListFrame));
    for (const child of children) visit(child, frame);
    if (frame.kind === "fork") goOn.push(...missingBranches(d, frame, children));
  };
  for (const frame of Object.values(kept.frames))
    if (frame.kind === "root") visit(frame, undefined);
  return goOn;
}

/** Without anything below: goes on from what it holds, instead of being entered anew. */
function standsInPlace({ failed }: Kept, frame: Frame): boolean {
  if (frame.kind === "subscription" || frame.kind === "listen") return true;
  return frame.kind === "try" && frame.phase === "delay" && frame.id !== failed;
}

/** The frame as it stood, under a new id, its timeout armed anew. */
function restore(d: Draft, kept: Kept, old: Frame, parent: Frame | undefined): Frame {
  const id = d.nextId();
  const frame = d.put<Frame>({
    ...old,
    id,
    ...(parent === undefined ? {} : { parent: parent.id }),
  });
  delete frame.timeoutAt;
  for (const [key, value] of Object.entries(kept.values ?? {})) {
    if (key === old.id) d.keepValue(id, value);
    else if (key.startsWith(`${old.id}.`)) d.keepValue(`${id}${key.slice(old.id.length)}`, value);
  }
  if (parent === undefined) return frame;
  d.nesting?.set(id, parent.id);
  const node = nodeOf(d, frame);
  if (frame.kind !== "extended")
    d.record({ kind: "task.started", task: frame.ref, occurrence: id, name: node.name });
  armTimeout(d, node, frame);
  return frame;
}

function nodeOf(d: Draft, { ref }: Pick<Frame, "ref">): TaskNode {
  const node = d.program.nodes.get(ref);
  if (node === undefined) throw new Error(`no task at ${ref} in ${d.program.name}`);
  return node;
}

function armWorkflowTimeout(d: Draft, { frames }: Kept): void {
  const { timeout } = d.program;
  const root = Object.values(frames).find(({ kind }) => kind === "root");
  if (timeout === undefined || root === undefined) return;
  const input = root.raw ?? null;
  d.state.timeoutAt = d.env.now + duration(d, timeout, input, { input });
  d.setTimer("W", d.state.timeoutAt);
}

/** What a frame waits for besides the tasks below it. */
function wake(d: Draft, frame: Frame, idle: boolean): readonly GoOn[] {
  const node = d.program.nodes.get(frame.ref);
  if (frame.kind === "subscription" && node?.kind === "subscribe")
    return [() => propagate(d, frame, () => reopenSubscription(d, node, frame, idle))];
  if (frame.kind === "listen" && node?.kind === "listen")
    return [() => propagate(d, frame, () => listenAgain(d, node, frame, idle))];
  if (frame.kind !== "try" || node?.kind !== "try") return [];
  if (frame.phase === "body") armAttempt(d, node, frame);
  if (!idle) return [];
  return [() => propagate(d, frame, () => retryDue(d, node, frame))];
}

/** Branches that never began, because one before them failed at once; and how many are to end. */
function missingBranches(d: Draft, frame: ForkFrame, running: readonly Frame[]): readonly GoOn[] {
  const node = nodeOf(d, frame);
  const branches = node.kind === "fork" && !node.compete ? node.branches : [];
  const there = new Set(running.map(({ slot }) => slot));
  const missing = [...branches.entries()].filter(
    ([slot]) => !there.has(slot) && !hasOutput(d, frame, slot),
  );
  frame.left = running.length + missing.length;
  return missing.map(([slot, { reference }]) =>
    again(d, { ref: reference, slot, key: `${frame.key}.${slot}` }, frame),
  );
}

function hasOutput(d: Draft, { id, outputs }: ForkFrame, slot: number): boolean {
  return outputs === undefined ? d.values.has(`${id}.${slot}`) : Object.hasOwn(outputs, slot);
}

/** In the target's list: the task that stood there, or the next step of the list at another. */
function atTarget(d: Draft, { kept, input }: Plan, target: Target, list: ListFrame): GoOn {
  const { node, slot, instead } = target;
  if (instead !== undefined && instead.slot === slot) return again(d, instead, list, input);
  list.at = slot;
  list.steps += 1;
  const listKey = instead?.key.slice(0, instead.key.lastIndexOf(".")) ?? list.key;
  const raw = input ?? (instead === undefined ? rawOf(d, list) : keptRaw(kept, instead));
  return again(d, { ref: node.reference, slot, key: `${listKey}.${list.steps}`, raw }, list);
}

/** Opens a task that is to be entered once everything is in its place. */
function again(
  d: Draft,
  { ref, slot, key, raw }: Pick<Frame, "ref" | "slot" | "key" | "raw">,
  parent: Frame,
  input?: Json,
): GoOn {
  const place = { ref, slot, key, ...(raw === undefined ? {} : { raw }) };
  const id = d.nextId();
  // Another input makes another request of it, which must not pass for the one before.
  const own = input === undefined ? place : { ...place, key: `${place.key}~${id}`, raw: input };
  const at = { id, parent: parent.id, startedAt: d.env.now };
  d.put<TaskFrame>({ kind: "task", ...own, ...at, pending: true });
  return () => enterPending(d, id);
}

/** Unless it was cancelled before its turn came. */
function enterPending(d: Draft, id: string): void {
  const frame = d.frames.get(id);
  const parent = d.frames.get(frame?.parent ?? "");
  if (frame === undefined || parent === undefined) return;
  const { slot, key } = frame;
  const bare = parent.kind === "extended" && parent.phase === "task";
  const place = { parent, slot, key, raw: rawOf(d, frame), bare };
  d.frames.delete(id);
  passOn(d, parent, slot, enter(d, nodeOf(d, frame), place));
}
