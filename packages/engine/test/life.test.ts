import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, type State } from "@millrace/engine";
import { program, simulate, START, workflow } from "@millrace/testkit";

const CALL = "call: http, with: { method: get, endpoint: http://shop/ }";
const environment = { now: START, random: () => 0, runtime: { name: "t", version: "0" } };

test("suspended, an instance holds what arrives and applies it at resume", () => {
  const { state, elapsed, events } = simulate(
    workflow("- w: { wait: PT5S }\n- s: { set: { done: true } }"),
    {
      at: [
        [1000, { kind: "suspend", reason: "lunch" }],
        [60_000, { kind: "resume" }],
      ],
    },
  );
  assert.deepEqual(state.output, { done: true });
  assert.equal(elapsed, 60_000);
  assert.ok(events.some((e) => e.kind === "workflow.suspended" && e.reason === "lunch"));
});

test("cancel ends it at every kind of wait and takes everything back", () => {
  for (const task of [
    "wait: PT1H",
    CALL,
    "run: { workflow: { namespace: a, name: b, version: '1.0.0' } }",
    `fork: { branches: [ { x: { wait: PT1H } }, { y: { ${CALL} } } ] }`,
    `try: [ { x: { ${CALL} } } ], catch: { retry: { delay: PT1M, limit: { attempt: { duration: PT1H } } } }`,
  ]) {
    const { state } = simulate(
      workflow(`- t: { ${task}, timeout: { after: PT2H } }`, "timeout: { after: PT3H }"),
      {
        activity: () => "never",
        at: [[1, { kind: "cancel" }]],
      },
    );
    assert.equal(state.status, "cancelled", task);
  }
});

test("a late result, a stale timer and a second resume change nothing", () => {
  const p = program(workflow(`- c: { ${CALL} }`));
  const started = decide(
    p,
    undefined,
    { kind: "start", instanceId: "I", input: {} },
    environment,
  ).state;
  for (const command of [
    { kind: "activity.completed", activityId: "99", output: 1 },
    { kind: "timer.fired", timerId: "t2" },
    { kind: "timer.fired", timerId: "w2" },
    { kind: "resume" },
  ] as const) {
    const decision = decide(p, started, command, environment);
    assert.equal(decision.applied, false);
    assert.equal(decision.state, started);
  }
});

test("decide leaves the state that came in as it was", () => {
  const p = program(
    workflow(`- f: { fork: { branches: [ { a: { ${CALL} } }, { b: { ${CALL} } } ] } }`),
  );
  const started = decide(
    p,
    undefined,
    { kind: "start", instanceId: "I", input: {} },
    environment,
  ).state;
  const before = JSON.stringify(started);
  const activityId = Object.values(started.frames).find((f) => f.kind === "activity")?.id ?? "";
  decide(p, started, { kind: "activity.completed", activityId, output: 1 }, environment);
  assert.equal(JSON.stringify(started), before);
});

test("a child's output is the task's; its fault is raised at the task; detached it is not waited for", () => {
  const children = {
    ok: workflow("- s: { set: { got: '${ . }' } }"),
    bad: workflow("- r: { raise: { error: { type: 'https://x/e', status: 400 } } }"),
  };
  const run = (name: string, more = ""): State =>
    simulate(
      workflow(
        `- c: { run: { workflow: { namespace: n, name: ${name}, version: '1.0.0', input: { a: '\${ .n }' } }${more} } }`,
      ),
      { children, input: { n: 7 } },
    ).state;
  assert.deepEqual(run("ok").output, { got: { a: 7 } });
  assert.equal(run("bad").error?.instance, "/do/0/c");
  assert.deepEqual(run("ok", ", await: false").output, { n: 7 });
});

test("the deadline of an activity is the nearest timeout around it", () => {
  const { effects } = simulate(
    workflow(
      `- d: { do: [ { c: { ${CALL}, timeout: { after: PT9S } } } ], timeout: { after: PT4S } }`,
      "timeout: { after: PT20S }",
    ),
  );
  const call = effects.find((e) => e.kind === "activity.schedule");
  assert.equal(call?.deadline, START + 4000);
});

test("a long loop and a wide fork keep the state linear", () => {
  const size = (n: number): { loop: number; fork: number } => {
    const loop = simulate(
      workflow(`- l: { for: { in: '[range(${n})]' }, do: [ { c: { ${CALL} } } ] }`),
      { activity: () => ({ output: { ok: true } }) },
    );
    const branches = Array.from({ length: n / 10 }, (_, i) => `{ b${i}: { ${CALL} } }`).join(", ");
    const fork = simulate(workflow(`- f: { fork: { branches: [ ${branches} ] } }`), {
      activity: () => ({ output: { ok: true } }),
      input: { big: "x".repeat(5000) },
    });
    assert.equal(loop.state.status, "completed");
    assert.equal(fork.state.status, "completed");
    return { loop: loop.largestState, fork: fork.largestState };
  };
  const small = size(300);
  const large = size(3000);
  assert.ok(large.loop < small.loop * 15, `${small.loop} → ${large.loop}`);
  assert.ok(large.fork < small.fork * 10, `${small.fork} → ${large.fork}`);
});

test("a timer that fired while it was suspended counts at resume, though the clock was set back since", () => {
  const p = program(workflow("- w: { wait: PT1H }", "timeout: { after: PT10S }"));
  const at = (now: number) => ({ ...environment, now });
  let state = decide(p, undefined, { kind: "start", instanceId: "I", input: {} }, at(START)).state;
  state = decide(p, state, { kind: "suspend" }, at(START + 1_000)).state;
  const fired = decide(p, state, { kind: "timer.fired", timerId: "W" }, at(START + 10_000));
  assert.ok(fired.applied);
  state = decide(p, fired.state, { kind: "resume" }, at(START - 3_600_000)).state;
  assert.equal(state.status, "faulted");
});

test("suspended, a subscription takes no second message while one is dealt with", () => {
  const p = program(
    workflow(`
- s:
    call: asyncapi
    with:
      document: { endpoint: http://broker/ }
      channel: c
      subscription:
        consume: { amount: 3 }
        foreach: { do: [ { w: { wait: PT1S } } ] }`),
  );
  let state: State | undefined;
  const does = (command: Parameters<typeof decide>[2]): boolean => {
    const decision = decide(p, state, command, environment);
    ({ state } = decision);
    return decision.applied;
  };
  const message = (n: number) =>
    ({ kind: "activity.item", activityId: "2", itemId: `1.${n}`, item: { n } }) as const;
  does({ kind: "start", instanceId: "I", input: {} });
  assert.equal(does(message(1)), true);
  does({ kind: "suspend" });
  assert.equal(does(message(2)), false);
  does({ kind: "resume" });
  assert.equal(does({ kind: "timer.fired", timerId: "w3" }), true);
  assert.equal(does(message(2)), true);
});
