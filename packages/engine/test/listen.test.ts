/** What a `listen` asks of the world, what it refuses and gives back, and what it does when too much comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Command,
  decide,
  type Decision,
  type Effect,
  offer,
  type State,
  startStrategy,
  wanted,
} from "@millrace/engine";
import { type EventStrategy, type Json, type JsonObject, type Program } from "@millrace/language";
import { freeze, program, workflow } from "@millrace/testkit";

class Instance {
  readonly program: Program;
  #state: State | undefined;
  effects: readonly Effect[] = [];

  constructor(tasks: string, input: Json = {}) {
    this.program = program(workflow(tasks));
    this.send({ kind: "start", instanceId: "I", input });
  }

  get state(): State {
    assert.ok(this.#state);
    return this.#state;
  }

  send(command: Command): Decision {
    const decision = decide(this.program, this.#state, freeze(command), {
      now: 0,
      random: () => 0,
      runtime: { name: "test", version: "0" },
    });
    this.#state = freeze(JSON.parse(JSON.stringify(decision.state)) as State);
    this.effects = decision.effects;
    return decision;
  }

  event(seq: number, type: string, more: JsonObject = {}): Decision {
    return this.send({
      kind: "event.delivered",
      seq,
      event: { specversion: "1.0", id: String(seq), source: "/s", type, ...more },
    });
  }

  /** The id of the program's filter with this type. */
  filter(type: string): string {
    return this.program.eventFilters.find((each) => each.type === type)?.id ?? "";
  }
}

test("a listen sets its subscription, and clears it when it has what it waits for", () => {
  const instance = new Instance("- l: { listen: { to: { one: { with: { type: t } } } } }");
  assert.deepEqual(instance.effects, [
    { kind: "subscription.set", subscriptionId: "2", filters: [{ filter: instance.filter("t") }] },
  ]);
  assert.equal(instance.state.status, "waiting");
  instance.event(1, "t");
  assert.deepEqual(instance.effects, [{ kind: "subscription.clear", subscriptionId: "2" }]);
});

test("an event that nobody wants is refused, and nothing changes", () => {
  const instance = new Instance("- l: { listen: { to: { one: { with: { type: t } } } } }");
  const { state } = instance;
  const { applied, effects, events } = instance.event(1, "u");
  assert.deepEqual([applied, effects, events], [false, [], []]);
  assert.deepEqual(instance.state, state);
});

test("a correlation value that becomes fixed narrows the subscription", () => {
  const correlate = "correlate: { order: { from: .data.order } }";
  const instance = new Instance(
    `- l: { listen: { to: { all: [ { with: { type: a }, ${correlate} }, { with: { type: b }, ${correlate} } ] } } }`,
  );
  const [a, b] = [instance.filter("a"), instance.filter("b")];
  assert.deepEqual(instance.effects, [
    { kind: "subscription.set", subscriptionId: "2", filters: [{ filter: a }, { filter: b }] },
  ]);
  instance.event(1, "a", { data: { order: 7 } });
  assert.deepEqual(instance.effects, [
    { kind: "subscription.set", subscriptionId: "2", filters: [{ filter: b, keys: { order: 7 } }] },
  ]);
  assert.equal(instance.event(2, "b", { data: { order: 8 } }).applied, false);
  assert.equal(instance.event(3, "b", { data: { order: 7 } }).state.status, "completed");
});

test("what is expected stands in the subscription from the start", () => {
  const instance = new Instance(
    `- l: { listen: { to: { one: { with: { type: t }, correlate: { a: { from: .data.a, expect: "\${ .me }" }, b: { from: .data.b, expect: x } } } } } }`,
    { me: { id: 1 } },
  );
  const filters = [{ filter: instance.filter("t"), keys: { a: { id: 1 }, b: "x" } }];
  assert.deepEqual(instance.effects, [{ kind: "subscription.set", subscriptionId: "2", filters }]);
});

test("keys wait until every correlation of the filter is fixed", () => {
  const instance = new Instance(
    `- l: { listen: { to: { any: [ { with: { type: t }, correlate: { a: { from: .data.a, expect: x }, b: { from: .data.b } } } ], until: ". | length == 2" } } }`,
  );
  const filter = instance.filter("t");
  assert.deepEqual(instance.effects, [
    { kind: "subscription.set", subscriptionId: "2", filters: [{ filter }] },
  ]);
  instance.event(1, "t", { data: { a: "x", b: 5 } });
  assert.deepEqual(instance.effects, [
    {
      kind: "subscription.set",
      subscriptionId: "2",
      filters: [{ filter, keys: { a: "x", b: 5 } }],
    },
  ]);
});

test("a listen that starts and ends in one decision asks for nothing", () => {
  const instance = new Instance(
    `- f:
    fork:
      compete: true
      branches:
        - l: { listen: { to: { one: { with: { type: t } } } } }
        - s: { set: { n: 1 } }
`,
  );
  assert.equal(instance.state.status, "completed");
  assert.deepEqual(instance.effects, []);
});

const SLOW = `- l:
    listen: { to: { any: [ { with: { type: t } } ], until: ". | length == 2" } }
    foreach: { do: [ { w: { wait: PT1S } } ] }
`;

test("events that still wait at the end are given back, with the subscription", () => {
  const instance = new Instance(`${SLOW}- m: { wait: PT1S }`);
  for (const seq of [11, 12, 13, 14]) assert.ok(instance.event(seq, "t").applied);
  instance.send({ kind: "timer.fired", timerId: "w3" });
  instance.send({ kind: "timer.fired", timerId: "w4" });
  assert.deepEqual(
    instance.effects.filter(({ kind }) => !kind.startsWith("timer")),
    [
      { kind: "subscription.clear", subscriptionId: "2" },
      { kind: "event.returned", seqs: [13, 14] },
    ],
  );
});

test("an event that another listen has used is not given back", () => {
  const instance = new Instance(
    `- f:
    fork:
      branches:
        - slow: { listen: { to: { any: [ { with: { type: t } } ], until: ". | length == 2" } }, foreach: { do: [ { w: { wait: PT1S } } ] } }
        - quick: { listen: { to: { any: [ { with: { type: t } } ], until: ". | length == 3" } } }
        - w: { wait: PT1H }
`,
  );
  // The first is at work on 1 and keeps 2 to 4; the second takes 1 to 3 and ends.
  for (const seq of [1, 2, 3, 4]) assert.ok(instance.event(seq, "t").applied);
  const returned: number[] = [];
  instance.send({ kind: "cancel" });
  for (const effect of instance.effects)
    if (effect.kind === "event.returned") returned.push(...effect.seqs);
  assert.deepEqual(returned, [4]);
});

test("while suspended events are kept in order, and what nobody wants in the end is given back", () => {
  const instance = new Instance(
    `- l: { listen: { to: { one: { with: { type: t } } } } }\n- w: { wait: PT1S }`,
  );
  instance.send({ kind: "suspend" });
  assert.equal(instance.event(1, "u").applied, false);
  for (const seq of [2, 3]) assert.ok(instance.event(seq, "t").applied);
  assert.deepEqual(
    instance.state.held?.map((each) => "seq" in each && each.seq),
    [2, 3],
  );
  const { events, effects } = instance.send({ kind: "resume" });
  assert.ok(events.some(({ kind }) => kind === "workflow.correlation.completed"));
  assert.deepEqual(
    effects.filter(({ kind }) => kind === "event.returned"),
    [{ kind: "event.returned", seqs: [3] }],
  );
});

test("more events than are kept while suspended end the listen at resume", () => {
  const instance = new Instance(
    `- l: { listen: { to: { all: [ { with: { type: t } }, { with: { type: never } } ] } } }`,
  );
  instance.send({ kind: "suspend" });
  const data = "x".repeat(400_000);
  for (const seq of [1, 2, 3]) assert.ok(instance.event(seq, "t", { data }).applied);
  assert.equal(instance.state.held?.length, 2);
  const { state } = instance.send({ kind: "resume" });
  assert.equal(state.status, "faulted");
  assert.match(state.error?.detail ?? "", /more than 1000 events, or 1000000 characters/);
});

test("too many characters that wait for foreach end the listen", () => {
  const instance = new Instance(SLOW);
  const data = "x".repeat(400_000);
  for (const seq of [1, 2, 3]) instance.event(seq, "t", { data });
  const { state, effects } = instance.event(4, "t", { data });
  assert.equal(state.status, "faulted");
  assert.deepEqual(effects.map(({ kind }) => kind).toSorted(), [
    "event.returned",
    "subscription.clear",
    "timer.clear",
  ]);
});

test("a strategy is of use without an instance", () => {
  const { schedule } = program(
    workflow(
      "- s: { set: { n: 1 } }",
      "schedule: { on: { all: [ { with: { type: a }, correlate: { o: { from: .subject } } }, { with: { type: b }, correlate: { o: { from: .subject } } } ] } }",
    ),
  );
  const strategy = schedule?.on as EventStrategy;
  const evaluation = { scope: () => ({}), context: { now: 0 } };
  const event = (type: string, subject: string) => ({ id: "1", source: "/s", type, subject });
  const start = startStrategy(strategy, null, evaluation);
  assert.deepEqual(start, {});
  const first = offer(strategy, start, event("b", "x"), evaluation);
  assert.deepEqual(
    [first.consumed, first.listed, first.satisfied, first.state],
    [true, true, false, { filled: [1], fixed: { o: "x" } }],
  );
  assert.equal(offer(strategy, first.state, event("a", "y"), evaluation).consumed, false);
  assert.equal(offer(strategy, first.state, event("b", "x"), evaluation).consumed, false);
  assert.deepEqual(wanted(strategy, first.state), [
    { filter: strategy.filters[0]?.id, keys: { o: "x" } },
  ]);
  assert.equal(offer(strategy, first.state, event("a", "x"), evaluation).satisfied, true);
});
