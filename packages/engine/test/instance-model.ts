/**
 * One instance and the world around it, for property-based tests: what is open outside follows from the effects alone, and
 * after every decision it is held against the state.
 */
import assert from "node:assert/strict";
import {
  type Command,
  decide,
  type Decision,
  type Effect,
  type HistoryEvent,
  isTerminal,
  type ScheduleActivity,
  type State,
} from "@millrace/engine";
import type { Program } from "@millrace/language";
import { freeze, waitsOf } from "@millrace/testkit";

const START = Date.UTC(2026, 0, 1);
const TERMINAL = new Set(["workflow.completed", "workflow.faulted", "workflow.cancelled"]);
const error = { type: "https://example.test/a", status: 503 };

/** One thing that happens: `pick` chooses among what is open. */
export interface Step {
  readonly what:
    | "advance"
    | "settle"
    | "fail"
    | "again"
    | "unknown"
    | "cancel"
    | "suspend"
    | "resume"
    | "retry";
  readonly pick: number;
}

export class InstanceModel {
  readonly program: Program;
  state: State;
  now = START;
  /** `activity:3`, `child:5`, `event:6`, `timer:w4`, timers with their time. */
  readonly open = new Map<string, number>();
  readonly history: HistoryEvent[] = [];
  /** Commands that settled something: sent again they must change nothing. */
  readonly #settled: Command[] = [];
  /** Events that were taken and not given back. */
  readonly #taken = new Set<number>();
  #events = 0;
  /** The call that used an idempotency key last. */
  readonly #calls = new Map<string, Pick<ScheduleActivity, "reference" | "activityId">>();
  readonly #random: number;
  #retries = 0;
  /** Retries that were not refused. */
  retried = 0;

  constructor(program: Program, random: number) {
    this.program = program;
    this.#random = random;
    this.state = this.#decide(undefined, { kind: "start", instanceId: "I", input: { n: 1 } });
  }

  get ended(): boolean {
    return isTerminal(this.state.status);
  }

  take({ what, pick }: Step): void {
    switch (what) {
      case "advance":
        return this.#settle(this.#earliest(), true);
      case "settle":
        return this.#settle([...this.open.keys()].toSorted()[pick % this.open.size], true);
      case "fail":
        return this.#settle([...this.open.keys()].toSorted()[pick % this.open.size], false);
      case "again":
        return this.#ignored(this.#settled[pick % this.#settled.length]);
      case "unknown":
        return this.#ignored(UNKNOWN[pick % UNKNOWN.length]);
      case "cancel":
        return this.#cancel();
      case "retry":
        return this.#retry(pick);
      default:
        this.send({ kind: what });
    }
  }

  /** Lets everything come in, in order of time, until the instance has ended. */
  finish(): void {
    this.send({ kind: "resume" });
    for (let steps = 0; !this.ended; steps += 1) {
      assert.ok(steps < 5_000, "the instance does not end");
      this.take({ what: "advance", pick: 0 });
    }
  }

  send(command: Command): void {
    if (this.ended) return this.#ignored(command);
    this.state = this.#decide(this.state, command);
  }

  #cancel(): void {
    const { ended } = this;
    this.send({ kind: "cancel" });
    if (!ended) assert.equal(this.state.status, "cancelled");
  }

  /** From the failed task, or from any of the definition, with an input or without: it may be refused, and says why. */
  #retry(pick: number): void {
    const retryId = `retry ${(this.#retries += 1)}`;
    const references = [...this.program.nodes.keys()];
    const from = references[pick % (2 * references.length)];
    const more = { ...(from && { from }), ...(pick % 3 === 0 && { input: { n: pick } }) };
    const command: Command = { kind: "retry", retryId, ...more };
    const { refusal, applied } = decide(this.program, this.state, command, this.#environment());
    assert.equal(applied, refusal === undefined);
    if (this.state.status !== "faulted") assert.equal(refusal?.what, "state");
    if (!applied) return;
    this.retried += 1;
    this.state = this.#decide(this.state, command);
    const again = decide(this.program, this.state, command, this.#environment());
    assert.deepEqual(again, { state: this.state, events: [], effects: [], applied: false });
  }

  #earliest(): string | undefined {
    const keys = [...this.open.keys()];
    const work = keys.find((key) => !/^(?:timer|event):/.test(key));
    const timers = [...this.open].filter(([key]) => key.startsWith("timer:"));
    return work ?? timers.toSorted((a, b) => a[1] - b[1])[0]?.[0] ?? keys[0];
  }

  /** A timer fires at its time or later, never before. */
  #settle(key: string | undefined, well: boolean): void {
    if (key === undefined) return;
    if (key.startsWith("event:")) return this.#hear();
    this.now = Math.max(this.now, this.open.get(key) ?? 0);
    this.open.delete(key);
    const command = commandFor(key, well);
    this.send(command);
    this.#settled.push(command);
  }

  /** The next event: of either type that is listened for, with either subject. */
  #hear(): void {
    const n = this.#events;
    this.#events += 1;
    const event = { type: ["a", "b"][n % 2] ?? "", subject: ["x", "y"][(n >> 1) % 2] ?? "" };
    const attributes = { specversion: "1.0", id: String(n), source: "/s" };
    this.send({ kind: "event.delivered", seq: n, event: { ...attributes, ...event } });
  }

  /** Late, twice, or about nothing: the very same state comes back. */
  #ignored(command: Command | undefined): void {
    if (command === undefined || this.#isAwaited(command)) return;
    const decision = decide(this.program, this.state, command, this.#environment());
    assert.deepEqual(decision, { state: this.state, events: [], effects: [], applied: false });
    assert.equal(decision.state, this.state);
  }

  /** A timer's id is armed again by the next attempt; some listen takes any event. */
  #isAwaited(command: Command): boolean {
    if (command.kind === "event.delivered")
      return [...this.open.keys()].some((key) => key.startsWith("event:"));
    return command.kind === "timer.fired" && this.open.has(`timer:${command.timerId}`);
  }

  #environment() {
    return { now: this.now, random: () => this.#random, runtime: { name: "model", version: "0" } };
  }

  #decide(before: State | undefined, command: Command): State {
    const decision = decide(this.program, before, freeze(command), this.#environment());
    const again = decide(this.program, before, command, this.#environment());
    assert.deepEqual(again, decision, "the same input gives another decision");
    const state = JSON.parse(JSON.stringify(decision.state)) as State;
    assert.deepEqual(state, decision.state, "the state does not survive JSON");
    if (command.kind === "event.delivered" && decision.applied) this.#taken.add(command.seq);
    for (const effect of decision.effects) this.#perform(effect);
    checkHistory(before?.seq ?? 0, decision, this.now);
    for (const event of decision.events) this.history.push(event);
    if (isTerminal(state.status)) checkOccurrences(this.history);
    this.#checkWaits(state);
    return freeze(state);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "activity.schedule":
        this.#checkKey(effect);
        return void this.open.set(`activity:${effect.activityId}`, 0);
      case "child.start":
        return effect.detached ? undefined : void this.open.set(`child:${effect.childId}`, 0);
      case "timer.set":
        return void this.open.set(`timer:${effect.timerId}`, effect.at);
      case "activity.cancel":
        return assert.ok(this.open.delete(`activity:${effect.activityId}`));
      case "child.cancel":
        return assert.ok(this.open.delete(`child:${effect.childId}`));
      case "timer.clear":
        return assert.ok(this.open.delete(`timer:${effect.timerId}`));
      case "subscription.set":
        return void this.open.set(`event:${effect.subscriptionId}`, 0);
      case "subscription.clear":
        return assert.ok(this.open.delete(`event:${effect.subscriptionId}`));
      case "event.returned":
        for (const seq of effect.seqs) assert.ok(this.#taken.delete(seq), `${seq} was not taken`);
        return;
      case "activity.next":
      case "event.emit":
    }
  }

  /** One logical call has one key, and no two calls that are open at once share it. */
  #checkKey({ idempotencyKey, reference, activityId }: ScheduleActivity): void {
    const known = this.#calls.get(idempotencyKey);
    assert.equal(known?.reference ?? reference, reference, `${idempotencyKey} means two tasks`);
    assert.ok(!this.open.has(`activity:${known?.activityId}`), `${idempotencyKey} is open twice`);
    this.#calls.set(idempotencyKey, { reference, activityId });
  }

  #checkWaits(state: State): void {
    const open = [...this.open.keys()].toSorted();
    assert.deepEqual(open, waitsOf(state), "what is open is not what the state waits for");
    if (isTerminal(state.status)) {
      assert.deepEqual([state.frames, state.values, state.held], [{}, undefined, undefined]);
      assert.deepEqual(open, [], "something outlives the instance");
    } else if (state.status !== "suspended") {
      assert.ok(open.length > 0, "nothing will ever wake the instance");
      const works = open.some((key) => !/^(?:timer|event):/.test(key));
      assert.equal(state.status, works ? "running" : "waiting");
    }
  }
}

function checkHistory(seq: number, { state, events }: Decision, now: number): void {
  for (const [index, event] of events.entries()) {
    assert.equal(event.seq, seq + index + 1, "the history has a gap");
    assert.equal(event.at, now);
    const last = index === events.length - 1;
    assert.equal(TERMINAL.has(event.kind), last && isTerminal(state.status), event.kind);
  }
  assert.equal(state.seq, seq + events.length);
}

/** Whatever started ended, once, and nothing ended that had not started (but what failed before it could). */
function checkOccurrences(history: readonly HistoryEvent[]): void {
  const running = new Set<string>();
  const over = new Set<string>();
  for (const event of history) {
    if (!("occurrence" in event) || event.kind === "task.retried") continue;
    if (event.kind.startsWith("workflow.")) continue;
    const { occurrence, kind } = event;
    assert.ok(!over.has(occurrence), `${kind} after its end: ${occurrence}`);
    if (kind === "task.started") {
      assert.ok(!running.has(occurrence), `${occurrence} started twice`);
      running.add(occurrence);
      continue;
    }
    const started = running.delete(occurrence);
    if (kind === "task.skipped") assert.ok(!started, `${occurrence} was skipped after its start`);
    else assert.ok(started || kind === "task.faulted", `${kind} of ${occurrence} without a start`);
    over.add(occurrence);
  }
  assert.deepEqual([...running], [], "tasks that never ended");
}

const UNKNOWN: readonly Command[] = [
  { kind: "activity.completed", activityId: "9999", output: 1 },
  { kind: "activity.failed", activityId: "1", error },
  { kind: "child.finished", childId: "9999", result: { status: "completed", output: 1 } },
  { kind: "timer.fired", timerId: "w9999" },
  { kind: "timer.fired", timerId: "t1" },
  { kind: "timer.fired", timerId: "?" },
  { kind: "event.delivered", seq: -1, event: { type: "unknown" } },
];

function commandFor(key: string, well: boolean): Command {
  const [what, id = ""] = key.split(":");
  if (what === "timer") return { kind: "timer.fired", timerId: id };
  if (what === "child")
    return well
      ? { kind: "child.finished", childId: id, result: { status: "completed", output: { n: 2 } } }
      : { kind: "child.finished", childId: id, result: { status: "faulted", error } };
  return well
    ? { kind: "activity.completed", activityId: id, output: { n: 3 } }
    : { kind: "activity.failed", activityId: id, error };
}
