import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { ActivityFailure } from "../failure.ts";
import { activityRequest, caller, kindOf } from "../testing.ts";
import { type BreakerChange, circuitBreakers } from "./breaker.ts";

const get = (endpoint: string) => ({ method: "get", endpoint });
const OPEN_FOR = 60_000;

/** A server that answers with `status.now`, and a caller whose breakers open after three failures. */
async function failing(t: TestContext) {
  t.mock.timers.enable({ apis: ["Date"] });
  const status = { now: 503 };
  const server = await startHttpFixture(() => ({ status: status.now, body: "{}" }));
  t.after(() => server.close());
  const changes: BreakerChange[] = [];
  const onChange = (change: BreakerChange) => void changes.push(change);
  const calls = caller(t, { breaker: { failures: 3, openFor: OPEN_FOR, onChange } });
  return {
    server,
    status,
    changes,
    ...calls,
    path: (changes_: typeof changes) => changes_.map(({ to }) => to),
  };
}

describe("a circuit breaker", () => {
  test("opens after failures in a row; then calls fail at once and say until when", async (t) => {
    const { server, refused, changes } = await failing(t);
    for (let n = 0; n < 3; n += 1)
      assert.equal(kindOf(await refused(get(server.origin))), "communication 503");
    assert.equal(server.requests.length, 3);
    const error = await refused(get(`${server.origin}/other`));
    assert.equal(kindOf(error), "communication 503");
    assert.equal(error.title, "Circuit Open");
    assert.equal(
      error.detail,
      `GET ${server.origin}/other: no calls to ${server.origin} after 3 failures in a row: until 1970-01-01T00:01:00.000Z`,
    );
    assert.equal(server.requests.length, 3);
    assert.deepEqual(changes, [
      { tenant: "default", target: server.origin, from: "closed", to: "open", until: OPEN_FOR },
    ]);
  });

  test("closes after a trial that works, and opens again after one that does not", async (t) => {
    const { server, status, refused, http, changes, path } = await failing(t);
    for (let n = 0; n < 3; n += 1) await refused(get(server.origin));
    t.mock.timers.tick(OPEN_FOR);
    await refused(get(server.origin));
    assert.equal(server.requests.length, 4);
    await refused(get(server.origin));
    assert.equal(server.requests.length, 4);
    t.mock.timers.tick(OPEN_FOR);
    status.now = 200;
    await http(get(server.origin));
    await http(get(server.origin));
    assert.equal(server.requests.length, 6);
    assert.deepEqual(path(changes), ["open", "half-open", "open", "half-open", "closed"]);
  });

  test("starts to count anew after an answer below 500", async (t) => {
    const { server, status, refused, changes } = await failing(t);
    for (let n = 0; n < 12; n += 1) {
      status.now = n % 3 === 2 ? 404 : 500;
      await refused(get(server.origin));
    }
    assert.equal(server.requests.length, 12);
    assert.deepEqual(changes, []);
  });

  test("is each tenant's and each origin's own", async (t) => {
    const { server, refused, activities } = await failing(t);
    const other = await startHttpFixture(() => ({ body: "fine" }));
    t.after(() => other.close());
    for (let n = 0; n < 4; n += 1) await refused(get(server.origin));
    assert.equal(server.requests.length, 3);
    const theirs = activityRequest("call:http", get(server.origin), { tenant: "another" });
    await activities.execute(theirs, new AbortController().signal);
    assert.equal(server.requests.length, 4);
    const fine = activityRequest("call:http", get(other.origin));
    assert.deepEqual(await activities.execute(fine, new AbortController().signal), {
      output: "fine",
    });
  });

  test("opens for a target that refuses connections, not for what the egress policy refuses", async (t) => {
    const { server, refused, changes } = await failing(t);
    await server.close();
    for (let n = 0; n < 5; n += 1) await refused(get("http://10.0.0.1/"));
    assert.deepEqual(changes, []);
    for (let n = 0; n < 3; n += 1) await refused(get(server.origin));
    assert.equal((await refused(get(server.origin))).title, "Circuit Open");
  });
});

describe("circuit breakers for other protocols", () => {
  const never = new AbortController().signal;
  const fails = () => Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
  const setUp = (config: { failures: number; maxTargets?: number }) => {
    const changes: BreakerChange[] = [];
    const onChange = (change: BreakerChange) => void changes.push(change);
    return { changes, breakers: circuitBreakers({ openFor: OPEN_FOR, onChange, ...config }) };
  };

  test("let one trial through at a time, and count a cancelled one as failed", async (t) => {
    t.mock.timers.enable({ apis: ["Date"] });
    const { breakers, changes } = setUp({ failures: 1 });
    const breaker = breakers.of("a", "mqtt://broker:1883");
    await assert.rejects(breaker.run(fails, never), { code: "ECONNREFUSED" });
    t.mock.timers.tick(OPEN_FOR);
    const gate = Promise.withResolvers<void>();
    const cancel = new AbortController();
    const trial = breaker.run(() => gate.promise, cancel.signal);
    await assert.rejects(
      breaker.run(() => Promise.resolve(), never),
      /a trial call is under way/,
    );
    cancel.abort();
    gate.reject(cancel.signal.reason);
    await assert.rejects(trial, { name: "AbortError" });
    assert.deepEqual(
      changes.map(({ to }) => to),
      ["open", "half-open", "open"],
    );
  });

  test("do not count calls that were cancelled", async () => {
    const { breakers, changes } = setUp({ failures: 2 });
    const breaker = breakers.of("a", "mqtt://broker:1883");
    for (let n = 0; n < 5; n += 1) await assert.rejects(breaker.run(fails, AbortSignal.abort()));
    await assert.rejects(breaker.run(fails, never));
    assert.deepEqual(changes, []);
    await assert.rejects(breaker.run(fails, AbortSignal.abort()));
    await assert.rejects(breaker.run(fails, never));
    assert.deepEqual(
      changes.map(({ to }) => to),
      ["open"],
    );
  });

  test("count a refused request as an answer", async () => {
    const { breakers, changes } = setUp({ failures: 1 });
    const breaker = breakers.of("a", "grpc://service:443");
    const refusal = new ActivityFailure("communication", "no such method", { status: 404 });
    await assert.rejects(
      breaker.run(() => Promise.reject(refusal), never),
      refusal,
    );
    assert.deepEqual(changes, []);
  });

  test("are bounded in number: closed ones go first", async () => {
    const { breakers, changes } = setUp({ failures: 1, maxTargets: 2 });
    await assert.rejects(breakers.of("a", "x").run(fails, never));
    const closed = breakers.of("a", "y");
    const third = breakers.of("a", "z");
    assert.notEqual(breakers.of("a", "y"), closed);
    assert.notEqual(breakers.of("a", "z"), third);
    await assert.rejects(
      breakers.of("a", "x").run(() => Promise.resolve(), never),
      /no calls to x/,
    );
    // Nobody shall count an open breaker for ever that is no more.
    await assert.rejects(breakers.of("a", "z").run(fails, never));
    breakers.of("a", "y");
    assert.deepEqual(
      changes.map(({ target, to }) => [target, to]),
      [
        ["x", "open"],
        ["z", "open"],
        ["x", "closed"],
      ],
    );
  });

  test("can be turned off", async () => {
    const { breakers } = setUp({ failures: 0 });
    for (let n = 0; n < 3; n += 1) {
      await assert.rejects(breakers.of("a", "x").run(fails, never), { code: "ECONNREFUSED" });
    }
  });
});
