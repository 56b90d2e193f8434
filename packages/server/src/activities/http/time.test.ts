import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { systemClock } from "../../clock.ts";
import { activityRequest, caller, kindOf } from "../testing.ts";

/** A server that never answers, and tells when a request has come and when its connection ends. */
async function silentServer(t: TestContext) {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const server = await startHttpFixture((_, response) => {
    void once(response, "close").then(() => gone.resolve());
    arrived.resolve();
    return undefined;
  });
  t.after(() => server.close());
  return { endpoint: server.origin, arrived: arrived.promise, gone: gone.promise };
}

test("a request ends at the activity's deadline", async (t) => {
  const server = await silentServer(t);
  let reach = (): void => {};
  const clock = {
    ...systemClock(),
    now: () => 1_000,
    after(ms: number, run: () => void) {
      assert.equal(ms, 7);
      reach = run;
      return () => {};
    },
  };
  const { activities } = caller(t, { clock });
  const input = { method: "get", endpoint: server.endpoint };
  const request = activityRequest("call:http", input, { deadline: 1_007 });
  const result = activities.execute(request, new AbortController().signal);
  await server.arrived;
  reach();
  const { error } = (await result) as { error: Parameters<typeof kindOf>[0] };
  assert.equal(kindOf(error), "timeout 408");
  assert.match(error.detail ?? "", /^GET http:.* no answer within 7 ms$/);
  await server.gone;
});

test("nothing is sent after the deadline", async (t) => {
  const server = await startHttpFixture(() => ({}));
  t.after(() => server.close());
  // Whatever the timer does: this one never fires.
  const { activities } = caller(t, { clock: { ...systemClock(), after: () => () => {} } });
  const input = { method: "post", endpoint: server.origin };
  const request = activityRequest("call:http", input, { deadline: 1 });
  const result = await activities.execute(request, new AbortController().signal);
  assert.equal("error" in result && kindOf(result.error), "timeout 408");
  assert.equal(server.requests.length, 0);
});

test("a cancelled activity gives up its connection", async (t) => {
  const server = await silentServer(t);
  const { activities } = caller(t);
  const controller = new AbortController();
  const input = { method: "get", endpoint: server.endpoint };
  const result = activities.execute(activityRequest("call:http", input), controller.signal);
  await server.arrived;
  controller.abort();
  assert.ok("error" in (await result));
  await server.gone;
});

test("a body that stalls ends at the total timeout", async (t) => {
  const server = await startHttpFixture((_, response) => {
    response.write("some");
    return undefined;
  });
  t.after(() => server.close());
  const { refused } = caller(t, { limits: { totalTimeout: 30 } });
  assert.equal(kindOf(await refused({ method: "get", endpoint: server.origin })), "timeout 408");
});

test("network failures are communication errors with a gateway's status", async (t) => {
  const server = await startHttpFixture((_, response) => {
    response.destroy();
    return undefined;
  });
  const { refused } = caller(t, {
    resolve: () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" })),
  });
  const input = { method: "get", endpoint: server.origin };
  assert.equal(kindOf(await refused(input)), "communication 502");
  await server.close();
  assert.equal(kindOf(await refused(input)), "communication 503");
  const unknown = await refused({ method: "get", endpoint: "http://nowhere.test/" });
  assert.equal(kindOf(unknown), "communication 502");
  assert.equal(unknown.detail, "GET http://nowhere.test/: the host name does not exist");
});
