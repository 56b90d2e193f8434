/** Retrying a faulted instance: what goes on, what begins again, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Command,
  decide,
  type Effect,
  failedTask,
  type HistoryEvent,
  type State,
} from "@millrace/engine";
import { MAX_KEPT } from "../src/kept.ts";
import type { Json, Program } from "@millrace/language";
import { program, START, waitsOf, workflow } from "@millrace/testkit";

const call = (name: string, more = ""): string =>
  `${name}: { call: http, with: { method: get, endpoint: http://shop/${name} }${more} }`;
const BROKEN = { type: "https://example.test/broken", status: 503 };

/** One instance, told what happens to it. */
class Told {
  readonly #program: Program;
  state: State;
  now = START;
  effects: readonly Effect[] = [];
  refusal: string | undefined;
  readonly history: HistoryEvent[] = [];
  #retries = 0;

  constructor(tasks: string, rest = "", input: Json = {}) {
    this.#program = program(workflow(tasks, rest));
    this.state = this.#apply(undefined, { kind: "start", instanceId: "I", input });
  }

  #apply(before: State | undefined, command: Command): State {
    const environment = { now: this.now, random: () => 0, runtime: { name: "t", version: "0" } };
    const decision = decide(this.#program, before, command, environment);
    this.effects = decision.effects;
    this.refusal = decision.refusal?.detail;
    this.history.push(...decision.events);
    return JSON.parse(JSON.stringify(decision.state)) as State;
  }

  send(command: Command): this {
    this.state = this.#apply(this.state, command);
    return this;
  }
  /** Answers the open call of this name. */
  answer(name: string, result: { output: Json } | { error: typeof BROKEN }): this {
    const frames = Object.values(this.state.frames).filter(
      ({ kind, ref }) => kind === "activity" && ref.endsWith(`/${name}`),
    );
    assert.equal(frames.length, 1, `${name} is not open`);
    const activityId = frames[0]?.id ?? "";
    return "output" in result
      ? this.send({ kind: "activity.completed", activityId, ...result })
      : this.send({ kind: "activity.failed", activityId, ...result });
  }
  fire(letter: string): this {
    const id = waitsOf(this.state).find((each) => each.startsWith(`timer:${letter}`)) ?? "";
    assert.notEqual(id, "", `no timer ${letter}`);
    return this.send({ kind: "timer.fired", timerId: id.slice("timer:".length) });
  }
  retry(more: { from?: string; input?: Json } = {}): this {
    this.#retries += 1;
    return this.send({ kind: "retry", retryId: `r${this.#retries}`, ...more });
  }
  /** The calls asked for by the last command, with what tells them apart outside. */
  get calls(): readonly string[] {
    return this.effects.flatMap((effect) =>
      effect.kind === "activity.schedule" ? [`${effect.name} ${effect.idempotencyKey}`] : [],
    );
  }
  get names(): readonly string[] {
    return this.history.flatMap((event) => (event.kind === "task.started" ? [event.name] : []));
  }
}

test("a retry goes on from the failed task, with its input and its idempotency key", () => {
  const told = new Told(
    `- ${call("first")}\n- ${call("second")}\n- s: { set: { done: '\${ . }' } }`,
  );
  told.answer("first", { output: { n: 1 } });
  const [key] = told.calls;
  told.answer("second", { error: BROKEN });
  assert.equal(told.state.status, "faulted");
  assert.deepEqual(failedTask(told.state), { task: "/do/1/second", input: { n: 1 } });
  told.retry();
  assert.equal(told.state.status, "running");
  assert.deepEqual(told.calls, [key]);
  for (const gone of ["error", "endedAt", "kept"]) assert.ok(!(gone in told.state), gone);
  told.answer("second", { output: 7 });
  assert.deepEqual(told.state.output, { done: 7 });
  assert.deepEqual(told.names, ["first", "second", "second", "s"]);
});

test("a result that was late for the failed task does not settle the retried one", () => {
  const told = new Told(`- ${call("a", ", timeout: { after: PT5S }")}`);
  const [old = ""] = Object.keys(told.state.frames).slice(1);
  told.now += 5_000;
  told.fire("t").retry();
  const { state } = told;
  for (const timerId of [`t${old}`, "W"]) told.send({ kind: "timer.fired", timerId });
  told.send({ kind: "activity.completed", activityId: old, output: 1 });
  assert.deepEqual(told.state, state);
});

test("a fork keeps what has ended, goes on where it was cancelled, and begins what had not begun", () => {
  const told = new Told(
    `- f:
    fork:
      branches:
        - ${call("a")}
        - b: { do: [ ${["b1", "b2"].map((name) => `{ ${call(name)} }`).join(", ")} ] }
        - ${call("c")}`,
  );
  told.answer("a", { output: 1 }).answer("b1", { output: 2 }).answer("c", { error: BROKEN });
  assert.equal(told.state.status, "faulted");
  told.retry();
  assert.deepEqual(told.calls, ["b2 I/.1.1.2", "c I/.1.2"]);
  told.answer("b2", { output: 3 }).answer("c", { output: 4 });
  assert.deepEqual(told.state.output, [1, 3, 4]);

  const early = new Told(
    `- f: { fork: { branches: [ { bad: { set: '\${ error }' } }, { ${call("late")} } ] } }`,
  );
  assert.equal(early.state.status, "faulted");
  early.retry();
  assert.deepEqual([early.state.status, early.names], ["faulted", ["f", "bad", "f", "bad"]]);
});

test("a wide fork and a long loop keep the values that stand apart", () => {
  const branches = Array.from({ length: 20 }, (_, n) =>
    n === 19 ? `{ ${call("last")} }` : `{ b${n}: { set: { n: ${n} } } }`,
  );
  const told = new Told(
    `- f: { fork: { branches: [ ${branches.join(", ")} ] } }
- l: { for: { each: n, in: '\${ [range(200)] }' }, do: [ { ${call("item", ", if: '${ $n == 150 }'")} } ] }`,
  );
  told.answer("last", { error: BROKEN }).retry().answer("last", { output: "x" });
  told.answer("item", { error: BROKEN });
  assert.deepEqual((failedTask(told.state)?.input as Json[] | undefined)?.at(-1), "x");
  told.retry();
  assert.deepEqual(told.calls, ["item I/.2.150.1"]);
  told.answer("item", { output: "y" });
  assert.deepEqual(
    [told.state.status, told.state.output, told.state.values],
    ["completed", "y", undefined],
  );
});

test("a try goes on counting its attempts", () => {
  const told = new Told(
    `- t: { try: [ { ${call("a")} } ], catch: { retry: { delay: PT1S, limit: { attempt: { count: 1 } } } } }`,
  );
  told.answer("a", { error: BROKEN });
  told.now += 1_000;
  told.fire("r").answer("a", { error: BROKEN });
  assert.equal(told.state.status, "faulted");
  told.retry().answer("a", { error: BROKEN });
  assert.equal(told.state.status, "faulted");
  assert.equal(told.history.filter(({ kind }) => kind === "task.retried").length, 1);
});

test("timeouts begin anew, and what they ended goes on", () => {
  const told = new Told(
    `- d: { do: [ { ${call("a")} }, { ${call("b")} } ], timeout: { after: PT10S } }`,
    "timeout: { after: PT1M }",
  );
  told.answer("a", { output: 1 });
  told.now += 10_000;
  told.fire("t");
  assert.deepEqual(failedTask(told.state)?.task, "/do/0/d");
  told.now += 3_600_000;
  told.retry();
  assert.deepEqual(told.calls, ["b I/.1.2"]);
  const timers = told.effects.flatMap((e) => (e.kind === "timer.set" ? [e.at - told.now] : []));
  assert.deepEqual(timers, [60_000, 10_000]);
  told.now += 60_000;
  told.fire("W");
  assert.deepEqual([told.state.error?.status, failedTask(told.state)], [408, undefined]);
  told.retry().answer("b", { output: 2 });
  assert.deepEqual(told.state.output, 2);
});

test("--from another task is a step of its own; the same one with another input, too", () => {
  const told = new Told(`- ${call("a")}\n- ${call("b")}\n- ${call("c")}`);
  told.answer("a", { output: 1 }).answer("b", { error: BROKEN });
  told.retry({ from: "a", input: { n: 5 } });
  assert.deepEqual(
    told.calls.map((each) => each.split("~")[0]),
    ["a I/.3"],
  );
  assert.deepEqual(
    told.history.findLast(({ kind }) => kind === "workflow.retried"),
    {
      seq: told.state.seq - 1,
      at: told.now,
      kind: "workflow.retried",
      task: "/do/1/b",
      from: "/do/0/a",
    },
  );
  told.answer("a", { error: BROKEN });
  assert.deepEqual(failedTask(told.state)?.input, { n: 5 });
  told.retry({ from: "/do/2/c" }).answer("c", { error: BROKEN }).retry({ input: "other" });
  assert.match(told.calls[0] ?? "", /^c I\/\.4~\d+$/);
  told.answer("c", { output: 3 });
  assert.equal(told.state.output, 3);
});

test("--from reaches the lists around the failed task, the inner one first", () => {
  const tasks = `- ${call("x")}
- d: { do: [ { p: { try: [ { ${call("x")} }, { ${call("y")} } ], catch: { errors: { with: { status: 404 } } } } } ] }`;
  const failing = (): Told =>
    new Told(tasks)
      .answer("x", { output: 1 })
      .answer("x", { output: 2 })
      .answer("y", { error: BROKEN });
  const references = ["/do/0/x", "/do/1/d", "/do/1/d/do/0/p"];
  for (const from of references)
    assert.equal(failing().retry({ from }).state.status, "running", from);
  const inner = failing().retry({ from: "x" });
  assert.equal(inner.history.at(-1)?.kind === "task.started", true);
  assert.deepEqual(failing().retry({ from: "/do/0/x" }).calls, ["x I/.3"]);
  assert.match(inner.calls[0] ?? "", /^x I\/\.2\.1\.t\.3$/);
  const refused = failing().retry({ from: "nobody" });
  assert.equal(
    refused.refusal,
    "no task nobody to go on from: name one of /do/1/d/do/0/p/try/0/x, /do/1/d/do/0/p/try/1/y, /do/1/d/do/0/p, /do/0/x, /do/1/d",
  );
  assert.equal(refused.state.status, "faulted");
});

test("what cannot be retried says why", () => {
  const refusal = (told: Told, more = {}): string | undefined => told.retry(more).refusal;
  assert.match(refusal(new Told("- w: { wait: PT1S }")) ?? "", /it is waiting, not faulted/);
  assert.match(refusal(new Told("- s: { set: { a: 1 } }")) ?? "", /it is completed, not faulted/);
  const before = new Told("- s: { set: '${ error }' }");
  delete (before.state as { kept?: unknown }).kept;
  assert.match(refusal(before) ?? "", /before a server kept what a retry needs/);
  const output = new Told("- s: { set: { a: 1 } }", "output: { as: '${ error }' }");
  assert.match(refusal(output) ?? "", /no task failed.*name one of \/do\/0\/s/);
  assert.equal(output.retry({ from: "s" }).refusal, undefined);
  const input = new Told("- s: { set: { a: 1 } }", "input: { from: '${ error }' }");
  assert.match(refusal(input) ?? "", /no task of it had started/);
  const large = new Told("- s: { set: '${ error }' }", "", { text: "x".repeat(MAX_KEPT) });
  assert.match(refusal(large) ?? "", /too large to be kept for a retry \(67108864 characters/);
  const two = new Told(
    `- f: { fork: { branches: [ { ${call("a")} }, { ${call("b")} } ] } }`,
    "timeout: { after: PT1S }",
  );
  two.now += 1_000;
  assert.match(refusal(two.fire("W"), { input: 1 }) ?? "", /no one task would get the input/);
});

test("a large input does not stand in the way of a retry, however many tasks it stands in", () => {
  const text = "x".repeat(12 * 1024 * 1024);
  const told = new Told(
    `- a: { do: [ { b: { do: [ { c: { do: [ { ${call("pay")} } ] } } ] } } ] }`,
    "",
    { text },
  );
  const keys = told.calls;
  told.answer("pay", { error: BROKEN });
  assert.equal(told.state.status, "faulted");
  assert.equal(told.retry().refusal, undefined);
  assert.deepEqual(told.calls, keys);
  told.answer("pay", { error: BROKEN });
  assert.equal(told.retry({ from: "pay" }).refusal, undefined);
  assert.deepEqual(told.answer("pay", { output: 1 }).state.output, 1);
});

test("the very command again changes nothing; another finds the instance running", () => {
  const told = new Told(`- ${call("a")}`).answer("a", { error: BROKEN });
  const command = { kind: "retry", retryId: "one" } as const;
  told.send(command);
  const { state } = told;
  assert.deepEqual([told.send(command).state, told.refusal], [state, undefined]);
  told.answer("a", { error: BROKEN });
  assert.deepEqual([told.send(command).state.status, told.refusal], ["faulted", undefined]);
  told.retry().retry();
  assert.equal(told.refusal, "it is running, not faulted");
});
