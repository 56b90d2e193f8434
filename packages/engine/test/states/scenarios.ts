/** Instances that stand at every kind of wait, and how each must end: what the fixtures in `v<version>/` are made from. */
import type { Command, ParentLink } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";

export interface Scenario {
  /** Name of the file. */
  readonly name: string;
  readonly definition: JsonObject;
  readonly input: Json;
  readonly parent?: ParentLink;
  /** What arrives before the state is taken. */
  readonly commands: readonly Command[];
  readonly end: { readonly status: string; readonly output?: Json };
}

const document = { dsl: "1.0.3", namespace: "test", name: "state", version: "1.0.0" };
const call = { call: "http", with: { method: "get", endpoint: "http://a.test/" } };
const raise = { raise: { error: { type: "https://example.test/e", status: 503 } } };
/** What the test answers to every activity and every child. */
const OK = { ok: true };

function scenario(
  name: string,
  tasks: readonly JsonObject[],
  output: Json,
  more: Partial<Scenario> & { readonly rest?: JsonObject } = {},
): Scenario {
  const { rest = {}, ...others } = more;
  const definition = { document, ...rest, do: tasks };
  return {
    name,
    definition,
    input: { n: 1 },
    commands: [],
    end: { status: "completed", output },
    ...others,
  };
}

const many = Array.from({ length: 20 }, (_, i) => ({
  [`b${i}`]: i === 0 ? { set: { n: 0 } } : call,
}));
const child = { run: { workflow: { namespace: "test", name: "child", version: "1.0.0" } } };
const nap = {
  x: { extend: "set", before: [{ b: { wait: "PT1S" } }], after: [{ a: { wait: "PT1S" } }] },
};

const part = (type: string): JsonObject => ({
  with: { type },
  correlate: { who: { from: ".subject" } },
});
const gossip = {
  l: {
    listen: { to: { any: [{ with: { type: "t" } }], until: "length == 2" } },
    foreach: { do: [{ w: { wait: "PT1S" } }] },
  },
};

/** The test sends an event of any type that is listened for, with the subject `ada`. */
function delivered(seq: number, type: string, data: JsonObject): Command {
  const event = { specversion: "1.0", id: String(seq), source: "/s", type, subject: "ada", data };
  return { kind: "event.delivered", seq, event };
}

export const scenarios: readonly Scenario[] = [
  scenario("wait", [{ w: { wait: "PT5S" } }, { s: { set: { n: "${ .n + 1 }" } } }], { n: 2 }),
  scenario("activity", [{ c: { ...call, timeout: { after: "PT1M" } } }], OK, {
    rest: { timeout: { after: "PT1H" } },
  }),
  scenario("child", [{ c: child }], OK, {
    parent: { instanceId: "P", childId: "3", depth: 1 },
  }),
  scenario(
    "nested-do",
    [{ o: { do: [{ i: { do: [{ c: call }, { s: { set: "${ [.] }" } }] } }] } }],
    [OK],
  ),
  scenario(
    "for-inline",
    [
      {
        l: {
          for: { each: "x", at: "i", in: "[1, 2]" },
          while: "$i < 2",
          do: [{ c: call }, { s: { set: { x: "${ $x }" } } }],
        },
      },
    ],
    { x: 2 },
  ),
  scenario(
    "for-values",
    [
      {
        l: {
          for: { in: "[range(101)]" },
          do: [{ s: { set: { x: "${ $item }" } } }, { w: { if: "$index == 50", wait: "PT1S" } }],
        },
      },
    ],
    { x: 100 },
  ),
  scenario(
    "fork-inline",
    [{ f: { fork: { branches: [{ a: { set: { n: 0 } } }, { b: call }] } } }],
    [{ n: 0 }, OK],
  ),
  scenario(
    "fork-values",
    [{ f: { fork: { branches: many } } }, { s: { set: { length: "${ length }" } } }],
    { length: 20 },
  ),
  scenario(
    "fork-compete",
    [{ f: { fork: { compete: true, branches: [{ a: { wait: "PT9S" } }, { b: call }] } } }],
    OK,
  ),
  scenario(
    "try-body",
    [
      {
        t: {
          try: [{ c: call }],
          catch: { retry: { limit: { attempt: { count: 2, duration: "PT30S" } } } },
        },
      },
    ],
    OK,
  ),
  scenario(
    "try-delay",
    [
      {
        t: {
          try: [{ c: call }],
          catch: { as: "e", retry: { delay: "PT5S", limit: { attempt: { count: 2 } } } },
        },
      },
    ],
    OK,
    {
      commands: [
        {
          kind: "activity.failed",
          activityId: "3",
          error: { type: "https://example.test/e", status: 503 },
        },
      ],
    },
  ),
  scenario(
    "try-handler",
    [
      {
        t: {
          try: [{ r: raise }],
          catch: {
            as: "e",
            do: [{ w: { wait: "PT1S" } }, { h: { set: { s: "${ $e.status }" } } }],
          },
        },
      },
    ],
    { s: 503 },
  ),
  scenario(
    "function",
    [{ f: { call: "nap", with: { k: 1 } } }],
    { k: 1 },
    {
      rest: { use: { functions: { nap: { wait: "PT1S" } } } },
    },
  ),
  scenario(
    "extended-before",
    [{ s: { set: { n: 2 } } }],
    { n: 2 },
    { rest: { use: { extensions: [nap] } } },
  ),
  scenario(
    "extended-after",
    [{ s: { set: { n: 2 } } }],
    { n: 2 },
    {
      rest: { use: { extensions: [nap] } },
      commands: [{ kind: "timer.fired", timerId: "w3" }],
    },
  ),
  scenario("extended-task", [{ c: call }], OK, {
    rest: { use: { extensions: [{ x: { extend: "call", before: [{ b: { set: { n: 1 } } }] } }] } },
  }),
  scenario(
    "suspended",
    [{ w: { wait: "PT5S" } }],
    { n: 1 },
    { commands: [{ kind: "suspend", reason: "lunch" }] },
  ),
  scenario(
    "held",
    [{ f: { fork: { branches: [{ a: call }, { b: child }, { w: { wait: "PT1S" } }] } } }],
    [{ held: 1 }, OK, { n: 1 }],
    {
      commands: [
        { kind: "suspend" },
        { kind: "activity.completed", activityId: "3", output: { held: 1 } },
        { kind: "timer.fired", timerId: "w5" },
      ],
    },
  ),
  scenario(
    "context",
    [
      { a: { set: { n: 5 }, export: { as: "{ kept: .n }" } } },
      { w: { input: { from: "{ shaped: 1 }" }, wait: "PT1S" } },
      { s: { set: "${ { context: $context, in: . } }" } },
    ],
    { context: { kept: 5 }, in: { shaped: 1 } },
  ),
  scenario("listen", [{ l: { listen: { to: { one: { with: { type: "t" } } } } } }], [OK], {
    rest: { timeout: { after: "PT1H" } },
  }),
  scenario(
    "listen-correlated",
    [{ l: { listen: { to: { all: [part("a"), part("b")] } } } }],
    [{ part: 1 }, OK],
    { commands: [delivered(1, "a", { part: 1 })] },
  ),
  scenario("listen-foreach", [gossip], [{ part: 1 }, { part: 2 }], {
    commands: [delivered(1, "t", { part: 1 }), delivered(2, "t", { part: 2 })],
  }),
  scenario(
    "listen-held",
    [{ l: { listen: { to: { one: { with: { type: "t" } } } } } }],
    [{ part: 1 }],
    { commands: [{ kind: "suspend" }, delivered(1, "t", { part: 1 })] },
  ),
  scenario("completed", [{ s: { set: { n: 2 } } }], { n: 2 }),
  scenario("faulted", [{ r: raise }], null, { end: { status: "faulted" } }),
  scenario("cancelled", [{ w: { wait: "PT1S" } }], null, {
    commands: [{ kind: "cancel", reason: "no more" }],
    end: { status: "cancelled" },
  }),
];
