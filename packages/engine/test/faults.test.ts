import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import { type Answer, simulate, workflow } from "@millrace/testkit";

const CALL = "call: http, with: { method: post, endpoint: http://shop/ }";
const unavailable: WorkflowError = {
  type: "https://open-workflow-specification.org/spec/1.0.0/errors/communication",
  status: 503,
  title: "Service Unavailable",
};

/** Fails the first `times` calls. */
function flaky(times: number): () => Answer {
  let left = times;
  return () => (left-- > 0 ? { error: unavailable } : { output: { ok: true } });
}

function retrying(retry: string, rest = ""): string {
  return workflow(`
- t:
    try:
      - c: { ${CALL} }
    catch:
      errors: { with: { status: 503 } }
      retry: ${retry}
${rest}`);
}

test("raise faults the workflow with the error and its place", () => {
  const { state, events } = simulate(
    workflow(
      "- r: { raise: { error: { type: 'https://x/e', status: 418, title: 'Tea ${ .n }' } } }",
    ),
    { input: { n: 1 } },
  );
  assert.deepEqual(state.error, {
    type: "https://x/e",
    status: 418,
    title: "Tea 1",
    instance: "/do/0/r",
  });
  assert.deepEqual(
    events.map((event) => event.kind),
    ["workflow.started", "task.started", "task.faulted", "workflow.faulted"],
  );
});

test("both families of error URIs match the same standard error", () => {
  for (const type of [
    "https://serverlessworkflow.io/dsl/errors/types/communication",
    "https://open-workflow-specification.org/dsl/errors/types/communication",
    "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
  ]) {
    const yaml = workflow(`
- t:
    try: [ { c: { ${CALL} } } ]
    catch: { errors: { with: { type: '${type}' } }, as: e, do: [ { h: { set: { at: '\${ $e.instance }' } } } ] }`);
    const { state } = simulate(yaml, { activity: flaky(1) });
    assert.deepEqual(state.output, { at: "/do/0/t/try/0/c" });
  }
});

test("back-off grows as it says", () => {
  const pauses = (backoff: string): unknown[] => {
    const { events, state } = simulate(
      retrying(
        `{ delay: { seconds: 2 }, backoff: { ${backoff}: {} }, limit: { attempt: { count: 4 } } }`,
      ),
      { activity: flaky(3) },
    );
    assert.equal(state.status, "completed");
    return events.flatMap((e) => (e.kind === "task.retried" ? [e.delay] : []));
  };
  assert.deepEqual(pauses("constant"), [2000, 2000, 2000]);
  assert.deepEqual(pauses("linear"), [2000, 4000, 6000]);
  assert.deepEqual(pauses("exponential"), [2000, 4000, 8000]);
});

test("jitter is added between its bounds", () => {
  const { elapsed } = simulate(
    retrying("{ delay: PT1S, jitter: { from: { milliseconds: 100 }, to: { milliseconds: 300 } } }"),
    { activity: flaky(1), random: () => 0.25 },
  );
  assert.equal(elapsed, 1150);
});

test("used-up attempts raise the error again, or go to the handler", () => {
  const retry = "{ limit: { attempt: { count: 2 } } }";
  const { state, effects } = simulate(retrying(retry), { activity: flaky(99) });
  assert.equal(state.status, "faulted");
  assert.equal(state.error?.status, 503);
  assert.equal(effects.filter((e) => e.kind === "activity.schedule").length, 3);
  const handled = simulate(
    retrying(retry, "      do: [ { h: { set: { handled: '${ $error.status }' } } } ]"),
    {
      activity: flaky(99),
    },
  );
  assert.deepEqual(handled.state.output, { handled: 503 });
});

test("a retry carries the same idempotency key; another iteration another", () => {
  const { effects } = simulate(
    workflow(`
- l:
    for: { in: '[1, 2]' }
    do:
      - t:
          try: [ { c: { ${CALL} } } ]
          catch: { retry: { limit: { attempt: { count: 5 } } } }`),
    { activity: flaky(2) },
  );
  const calls = effects.flatMap((e) => (e.kind === "activity.schedule" ? [e] : []));
  const keys = calls.map((e) => e.idempotencyKey);
  assert.equal(new Set(keys.slice(0, 3)).size, 1);
  assert.equal(keys.length, 4);
  assert.notEqual(keys[3], keys[0]);
  assert.equal(new Set(calls.map((e) => e.activityId)).size, 4);
});

test("retry limits: duration of one attempt and of all", () => {
  const each = simulate(
    workflow(`
- t:
    try: [ { c: { ${CALL} } } ]
    catch: { retry: { limit: { attempt: { count: 2, duration: PT5S } } } }`),
    { activity: () => "never" },
  );
  assert.match(each.state.error?.type ?? "", /\/timeout$/);
  assert.equal(each.elapsed, 15_000);
  const all = simulate(retrying("{ delay: PT4S, limit: { duration: PT10S } }"), {
    activity: flaky(99),
  });
  assert.equal(all.state.status, "faulted");
  assert.equal(all.elapsed, 8000);
});

test("when and exceptWhen decide about catching and about retrying", () => {
  const yaml = (conditions: string): string =>
    workflow(`
- t:
    try: [ { c: { ${CALL} } } ]
    catch: { ${conditions}, do: [ { h: { set: { caught: true } } } ] }`);
  const status = (conditions: string): string =>
    simulate(yaml(conditions), { activity: flaky(1) }).state.status;
  assert.equal(status("when: $error.status == 503"), "completed");
  assert.equal(status("when: $error.status == 404"), "faulted");
  assert.equal(status("exceptWhen: $error.status == 503"), "faulted");
  const never = simulate(retrying("{ when: 'false' }"), { activity: flaky(1) });
  assert.equal(never.state.status, "faulted");
});

test("catch.then overrides where the flow goes", () => {
  const tasks = `
- t:
    try: [ { r: { raise: { error: { type: 'https://x/e', status: 400 } } } } ]
    catch: { then: last }
- middle: { set: { s: middle } }
- last: { set: { got: '\${ . }' } }`;
  const { state } = simulate(workflow(tasks), { input: { in: 1 } });
  assert.deepEqual(state.output, { got: { in: 1 } });
});

test("a task's timeout interrupts it and can be caught; a workflow's faults it", () => {
  const tasks = `
- t:
    try:
      - slow: { wait: PT1H, timeout: { after: PT2S } }
    catch: { errors: { with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout' } }, do: [ { h: { set: { late: true } } } ] }`;
  const caught = simulate(workflow(tasks));
  assert.deepEqual(caught.state.output, { late: true });
  assert.equal(caught.elapsed, 2000);
  const whole = simulate(workflow("- w: { wait: PT1H }", "timeout: { after: PT3S }"));
  assert.equal(whole.state.status, "faulted");
  assert.equal(whole.state.error?.status, 408);
  assert.equal(whole.elapsed, 3000);
});

test("a fault in a fork cancels its other branches; competing, the others go on", () => {
  const fork = (compete: boolean): string =>
    workflow(`
- f:
    fork:
      compete: ${compete}
      branches:
        - slow: { wait: PT10S }
        - bad: { ${CALL} }`);
  const failed = simulate(fork(false), { activity: flaky(1) });
  assert.equal(failed.state.status, "faulted");
  assert.equal(failed.elapsed, 0);
  assert.ok(failed.events.some((e) => e.kind === "task.cancelled" && e.task.endsWith("/slow")));
  const raced = simulate(fork(true), { activity: flaky(1), input: { n: 1 } });
  assert.deepEqual(raced.state.output, { n: 1 });
  assert.equal(raced.elapsed, 10_000);
});

test("an expression that fails is an expression error at its task", () => {
  const { state } = simulate(workflow("- s: { set: { n: '${ .a.b }' } }"), { input: { a: 1 } });
  assert.match(state.error?.type ?? "", /\/expression$/);
  assert.equal(state.error?.instance, "/do/0/s");
});
