import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Command, decide, type State } from "@millrace/engine";
import type { Json, JsonObject, Program } from "@millrace/language";
import { program, START } from "@millrace/testkit";
import { lifecycleEvents } from "./lifecycle.ts";
import { LIFECYCLE_TYPES, matches, typeSet } from "./types.ts";

const ID = "01JC7Z6V5M3B8Q4X2N9R0T1WYA";
const WORKFLOW = { namespace: "samples", name: "order", version: "1.0.0" };
const ALL = typeSet(["*"]);
const HEAD = "document: { dsl: '1.0.3', namespace: samples, name: order, version: '1.0.0' }";

/** Of an attribute that has to be one. */
function text(value: Json | undefined): string {
  assert.equal(typeof value, "string");
  return value as string;
}

/** The events of each command in turn, and the last state. */
function run(
  compiled: Program,
  commands: readonly Command[],
  wanted = ALL,
): { readonly events: readonly JsonObject[]; readonly state: State } {
  let state: State | undefined;
  const events: JsonObject[] = [];
  for (const [index, command] of commands.entries()) {
    const now = START + index * 1_000;
    const environment = { now, random: () => 0.5, runtime: { name: "t", version: "0" } };
    const before = state;
    const decision = decide(compiled, state, command, environment);
    state = decision.state;
    const context = { workflow: WORKFLOW, before, after: state, now };
    events.push(...lifecycleEvents(decision.events, context, wanted));
  }
  assert.ok(state !== undefined);
  return { events, state };
}

const started: Command = { kind: "start", instanceId: ID, input: { petId: 7 } };
const WAITER = program(
  `${HEAD}\ndo: [ { pause: { wait: PT1H } }, { s: { set: { done: true } } } ]`,
);
const CALL = "call: http, with: { method: get, endpoint: http://shop/ }";
const TRIER = program(`${HEAD}
do:
  - skipped: { if: '\${ false }', set: { a: 1 } }
  - careful:
      try: [ { ask: { ${CALL} } } ]
      catch: { retry: { delay: PT1S, limit: { attempt: { count: 3 } } } }
`);
const error = {
  type: "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
  status: 503,
  title: "Service Not Available",
};
const failed = (activityId: string): Command => ({ kind: "activity.failed", activityId, error });
const activityOf = (state: State): string =>
  Object.values(state.frames).find(({ kind }) => kind === "activity")?.id ?? "";

/** Everything that the engine can say. */
function everything(): readonly JsonObject[] {
  const halted = run(WAITER, [started, { kind: "suspend" }, { kind: "resume" }]);
  const ended = run(WAITER, [started, { kind: "timer.fired", timerId: "w2" }]);
  const cancelled = run(WAITER, [started, { kind: "cancel" }]);
  const asking = run(TRIER, [started]);
  const retried = run(TRIER, [started, failed(activityOf(asking.state))]);
  const raised = run(
    program(
      `${HEAD}\ndo: [ { r: { raise: { error: { type: 'https://x.example/e', status: 400 } } } } ]`,
    ),
    [started],
  );
  const listener = `{ l: { listen: { to: { one: { with: { type: t }, correlate: { who: { from: .subject } } } } } } }`;
  const event = { specversion: "1.0", id: "e", source: "/s", type: "t", subject: "ada" };
  const heard = run(program(`${HEAD}\ndo: [ ${listener} ]`), [
    started,
    { kind: "event.delivered", seq: 1, event },
  ]);
  return [halted, ended, cancelled, asking, retried, raised, heard].flatMap(({ events }) => events);
}

test("a workflow that waits says what the reference names, in order, with stable ids", () => {
  const { events } = run(WAITER, [started, { kind: "suspend" }, { kind: "resume" }]);
  const short = (type: Json | undefined) =>
    text(type).replace(/^io\.serverlessworkflow\.|\.v1$/g, "");
  const said = events.map(({ id, type, data }) => [
    text(id).slice(ID.length + 1),
    short(type),
    (data as JsonObject)["status"] ?? null,
  ]);
  assert.deepEqual(said, [
    ["1", "workflow.started", null],
    ["1-1", "workflow.status-changed", "running"],
    ["2", "task.created", null],
    ["2-1", "task.status-changed", "pending"],
    ["2-2", "task.started", null],
    ["2-3", "task.status-changed", "running"],
    ["2-4", "task.status-changed", "waiting"],
    ["2-5", "workflow.status-changed", "waiting"],
    ["3", "workflow.suspended", null],
    ["3-1", "workflow.status-changed", "suspended"],
    ["3-2", "task.suspended", null],
    ["3-3", "task.status-changed", "suspended"],
    ["4", "workflow.resumed", null],
    ["4-1", "workflow.status-changed", "running"],
    ["4-2", "task.resumed", null],
    ["4-3", "task.status-changed", "waiting"],
    ["4-4", "workflow.status-changed", "waiting"],
  ]);
});

test("an id does not depend on who wants what", () => {
  const commands: Command[] = [started, { kind: "suspend" }, { kind: "resume" }];
  const all = new Map(run(WAITER, commands).events.map((event) => [event["id"], event]));
  const some = run(WAITER, commands, typeSet(["io.serverlessworkflow.workflow.*"])).events;
  assert.ok(some.length > 0 && some.length < all.size);
  for (const event of some) assert.deepEqual(event, all.get(event["id"]));
  assert.deepEqual(run(WAITER, commands, 0).events, []);
});

test("the data has the reference's fields, and the envelope says whose it is", () => {
  const byType = new Map(everything().map((event) => [event["type"], event]));
  const at = "2026-01-01T00:00:00.000Z";
  const name = `order-${ID}.samples`;
  const first = byType.get("io.serverlessworkflow.workflow.started.v1");
  assert.deepEqual(first, {
    specversion: "1.0",
    id: `${ID}-1`,
    source: "/millrace/workflows/samples/order/1.0.0",
    type: "io.serverlessworkflow.workflow.started.v1",
    subject: ID,
    time: at,
    datacontenttype: "application/json",
    data: {
      name,
      definition: { name: "order", namespace: "samples", version: "1.0.0" },
      startedAt: at,
    },
  });
  const retried = byType.get("io.serverlessworkflow.task.retried.v1");
  assert.deepEqual(retried?.["data"], {
    workflow: name,
    task: "/do/1/careful",
    retriedAt: "2026-01-01T00:00:01.000Z",
  });
  const faulted = byType.get("io.serverlessworkflow.task.faulted.v1")?.["data"] as JsonObject;
  assert.deepEqual(Object.keys(faulted), ["workflow", "task", "faultedAt", "error"]);
});

test("the documented table is what the code says", () => {
  const page = readFileSync(
    join(import.meta.dirname, "../../../../docs/lifecycle-events.md"),
    "utf8",
  );
  const rows = [...page.matchAll(/^\| `(io\.serverlessworkflow\.[^`]+)` \| ([^|]+) \|/gm)];
  assert.deepEqual(
    rows.map(([, type]) => type),
    [...LIFECYCLE_TYPES],
  );
  const documented = new Map(rows.map(([, type, fields]) => [type, fields ?? ""]));
  for (const { type: typed, data } of everything()) {
    const type = text(typed);
    const cell = documented.get(type) ?? "";
    const named = [...cell.matchAll(/`(\w+)`(\??)/g)].map(([, field, optional]) => ({
      field,
      optional: optional === "?",
    }));
    const given = Object.keys(data as JsonObject);
    for (const field of given)
      assert.ok(
        named.some((n) => n.field === field),
        `${type}: ${field}`,
      );
    for (const { field, optional } of named)
      assert.ok(optional || given.includes(field ?? ""), `${type} lacks ${field}`);
  }
});

test("all types come from what the engine does", () => {
  const said = new Set(everything().map(({ type }) => type));
  assert.deepEqual(
    LIFECYCLE_TYPES.filter((type) => !said.has(type)),
    [],
  );
});

test("what correlates events says by which values it did", () => {
  const completed = everything().find(
    ({ type }) => type === "io.serverlessworkflow.workflow.correlation-completed.v1",
  );
  const data = completed?.["data"] as JsonObject | undefined;
  assert.deepEqual(data?.["correlationKeys"], { who: "ada" });
});

test("a pattern is a value, or its beginning with a star", () => {
  assert.ok(matches("a.b", "a.b"));
  assert.ok(!matches("a.b", "a.bc"));
  assert.ok(matches("a.*", "a.bc"));
  assert.ok(matches("*", ""));
  assert.ok(!matches("a*c", "abc"));
  assert.equal(typeSet(["io.serverlessworkflow.task.*"]).toString(2).replaceAll("0", "").length, 9);
  assert.equal(typeSet(["com.shop.*"]), 0);
});
