import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { PayloadError } from "../payloads/payloads.ts";
import { RuntimeError } from "../runtime.ts";
import { startTestApi } from "@millrace/testkit/api";

const ORDER = {
  document: { dsl: "1.0.3", namespace: "shop", name: "order", version: "1.0.0" },
  do: [],
};
const STARTS = "/v1/workflows/shop/order/instances";
const ABSENT = "01JC7Z6V5M3B8Q4X2N9R0T1WYA";

type Body = Record<string, unknown>;
async function body(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

async function withOrder(t: TestContext) {
  const api = await startTestApi(t);
  await api.post("/v1/workflows", ORDER);
  const started = async (input: unknown = {}) =>
    String((await body(await api.post(STARTS, { input })))["id"]);
  return { ...api, started };
}

test("a start answers 201 with the instance's address", async (t) => {
  const { post, call } = await withOrder(t);
  const response = await post(STARTS, { input: { sku: 1 } });
  assert.equal(response.status, 201);
  const { id, created } = await body(response);
  assert.equal(created, true);
  assert.equal(response.headers.get("location"), `/v1/instances/${String(id)}`);
  const instance = await body(await call(`/v1/instances/${String(id)}`));
  assert.deepEqual(instance["input"], { sku: 1 });
  assert.equal(instance["status"], "running");
  assert.equal(instance["createdAt"], "2026-11-05T12:00:02.000Z");
  assert.ok(!("output" in instance));
});

test("a start needs no body, takes null as input, and refuses what it does not know", async (t) => {
  const { post, call, runtime } = await withOrder(t);
  assert.equal((await call(STARTS, { method: "POST" })).status, 201);
  assert.equal((await post(STARTS, "")).status, 201);
  assert.equal((await post(STARTS, { input: null })).status, 201);
  const inputs = [...runtime.instances.values()].map(({ view }) => view.input);
  assert.deepEqual(inputs, [{}, {}, null]);

  const misspelt = await post(STARTS, { inptu: {} });
  assert.equal(misspelt.status, 400);
  assert.deepEqual((await body(misspelt))["issues"], [
    { path: "body", message: "must NOT have additional properties: inptu" },
  ]);
  assert.equal((await post(STARTS, [])).status, 400);
  assert.equal((await post(STARTS, { version: "9.9.9" })).status, 404);
  assert.equal((await post("/v1/workflows/shop/none/instances", {})).status, 404);
  assert.equal((await post("/v1/workflows/Shop!/order/instances", {})).status, 400);
});

test("an idempotency key starts one instance; another request under it is refused", async (t) => {
  const { post, runtime } = await withOrder(t);
  const key = { "idempotency-key": "order-17" };
  const first = await post(STARTS, { input: { a: 1 } }, key);
  const again = await post(STARTS, { input: { a: 1 } }, key);
  assert.deepEqual([first.status, again.status], [201, 200]);
  const [{ id }, replay] = [await body(first), await body(again)];
  assert.deepEqual(replay, { id, created: false });
  assert.equal(again.headers.get("location"), `/v1/instances/${String(id)}`);
  assert.equal(runtime.instances.size, 1);
  const other = await post(STARTS, { input: { a: 2 } }, key);
  assert.equal(other.status, 422);
  assert.equal((await body(other))["code"], "idempotency-key-reuse");
  const long = await post(STARTS, {}, { "idempotency-key": "x".repeat(256) });
  assert.equal(long.status, 400);
});

test("wait: 200 with the finished instance, 202 with the unfinished one", async (t) => {
  const { post, runtime, started } = await withOrder(t);
  const id = await started({ late: true });
  runtime.end(id, { ok: true });
  runtime.keys.set("shop/order/k", { id, request: JSON.stringify([null, { late: true }]) });
  const done = await post(
    `${STARTS}?wait=30s`,
    { input: { late: true } },
    { "idempotency-key": "k" },
  );
  assert.equal(done.status, 200);
  const finished = await body(done);
  assert.equal(finished["status"], "completed");
  assert.deepEqual(finished["output"], { ok: true });
  assert.match(String(finished["endedAt"]), /^2026-11-05T/);

  const pending = await post(`${STARTS}?wait=1ms`, {});
  assert.equal(pending.status, 202);
  const unfinished = await body(pending);
  assert.equal(unfinished["status"], "running");
  assert.equal(pending.headers.get("location"), `/v1/instances/${String(unfinished["id"])}`);
});

test("wait must be a duration, and not a long one", async (t) => {
  const { post, runtime } = await withOrder(t);
  for (const wait of ["30", "soon", "2h", "-1s"]) {
    const response = await post(`${STARTS}?wait=${wait}`, {});
    assert.equal(response.status, 400, wait);
    const { issues } = (await body(response)) as { issues: { path: string }[] };
    assert.equal(issues[0]?.path, "query.wait");
  }
  assert.equal(runtime.instances.size, 0, "nothing is started by a refused request");
});

test("stopping the server lets go of a waiting start", async (t) => {
  const { post, server, runtime } = await withOrder(t);
  const waiting = post(`${STARTS}?wait=5m`, {});
  while (runtime.instances.size === 0) await new Promise(setImmediate);
  await Promise.all([
    waiting.then((response) => assert.equal(response.status, 202)),
    server.stop(),
  ]);
});

test("overload is 503 with Retry-After, and nothing is started", async (t) => {
  const { post, runtime } = await withOrder(t);
  runtime.refusal = new RuntimeError("overloaded", "4096 commands queued", { retryAfterMs: 1_500 });
  const response = await post(STARTS, {});
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  const problem = await body(response);
  assert.equal(problem["code"], "overloaded");
  assert.equal(problem["retryAfter"], 2);
});

test("a fault of the server is told without its cause, which is logged under the request's id", async (t) => {
  const { post, runtime, logged } = await withOrder(t);
  runtime.refusal = new Error("password=hunter2");
  const response = await post(STARTS, {});
  assert.equal(response.status, 500);
  const problem = await body(response);
  assert.equal(problem["code"], "internal");
  assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
  const [entry] = logged as { fields: { requestId: string; err: Error } }[];
  assert.equal(entry?.fields.requestId, problem["requestId"]);
  assert.equal(entry?.fields.err, runtime.refusal);
});

test("listing filters by name, status and time, newest first, in pages", async (t) => {
  const { call, runtime, started } = await withOrder(t);
  const ids = [await started(), await started(), await started()] as [string, string, string];
  runtime.end(ids[0], 1);
  const list = async (query: string) => {
    const page = await body(await call(`/v1/instances?${query}`));
    return (page["items"] as { id: string }[]).map(({ id }) => id);
  };
  assert.deepEqual(await list(""), ids.toReversed());
  assert.deepEqual(await list("status=completed"), [ids[0]]);
  assert.deepEqual(await list("status=completed&status=running&limit=2"), [ids[2], ids[1]]);
  const { createdAt } = await body(await call(`/v1/instances/${ids[1]}`));
  assert.deepEqual(await list(`since=${String(createdAt)}`), [ids[2], ids[1]]);
  assert.deepEqual(await list(`until=${String(createdAt)}`), [ids[0]]);
  const page = await body(await call("/v1/instances?limit=2"));
  assert.deepEqual(await list(`limit=2&cursor=${String(page["nextCursor"])}`), [ids[0]]);
  for (const item of page["items"] as object[]) assert.ok(!("input" in item));

  for (const query of ["status=done", "limit=0", "limit=501", "since=yesterday", "limit=x"]) {
    const refused = await call(`/v1/instances?${query}`);
    assert.equal(refused.status, 400, query);
    assert.equal((await body(refused))["code"], "invalid-request");
  }
  assert.equal((await body(await call("/v1/instances?cursor=x")))["code"], "invalid-cursor");
});

test("history comes in pages by seq", async (t) => {
  const { call, runtime, started } = await withOrder(t);
  const id = await started({ a: 1 });
  runtime.append(id, { kind: "task.started", task: "/do/0/a", occurrence: "1", name: "a" });
  runtime.end(id, 42);
  const first = await body(await call(`/v1/instances/${id}/history?limit=2`));
  assert.deepEqual(first["items"], [
    { seq: 1, at: "2026-11-05T12:00:03.000Z", kind: "workflow.started", input: { a: 1 } },
    {
      seq: 2,
      at: "2026-11-05T12:00:04.000Z",
      kind: "task.started",
      task: "/do/0/a",
      occurrence: "1",
      name: "a",
    },
  ]);
  const second = await body(
    await call(`/v1/instances/${id}/history?after=${String(first["next"])}`),
  );
  assert.deepEqual(
    (second["items"] as { seq: number; output: unknown }[]).map(({ seq, output }) => [seq, output]),
    [[3, 42]],
  );
  assert.ok(!("next" in second));
});

test("cancel, suspend and resume are durable changes; an ended instance takes none", async (t) => {
  const { post, call, runtime, started } = await withOrder(t);
  const id = await started();
  const status = async (response: Response) => [response.status, (await body(response))["status"]];
  const suspend = await post(`/v1/instances/${id}/suspend`, { reason: "stock-taking" });
  assert.deepEqual(await status(suspend), [200, "suspended"]);
  const resume = await call(`/v1/instances/${id}/resume`, { method: "POST" });
  assert.deepEqual(await status(resume), [200, "running"]);
  assert.deepEqual(await status(await post(`/v1/instances/${id}/cancel`, {})), [200, "cancelled"]);
  const reasons = runtime.instances.get(id)?.history.map((fact) => [fact.kind, "reason" in fact]);
  assert.deepEqual(reasons?.slice(1), [
    ["workflow.suspended", true],
    ["workflow.resumed", false],
    ["workflow.cancelled", false],
  ]);
  for (const action of ["cancel", "suspend", "resume"]) {
    const late = await post(`/v1/instances/${id}/${action}`, {});
    assert.equal(late.status, 409, action);
    assert.equal((await body(late))["code"], "instance-terminal");
  }
});

test("an instance that is not there is 404 everywhere; a malformed id is 400", async (t) => {
  const { post, call } = await withOrder(t);
  for (const path of ["", "/history", "/events"]) {
    const response = await call(`/v1/instances/${ABSENT}${path}`);
    assert.equal(response.status, 404, path);
    assert.equal((await body(response))["code"], "instance-not-found");
    assert.equal((await call(`/v1/instances/nope${path}`)).status, 400, path);
  }
  for (const action of ["cancel", "suspend", "resume"]) {
    assert.equal((await post(`/v1/instances/${ABSENT}/${action}`, {})).status, 404, action);
  }
});

test("what the schemas let through and the database could not read is refused or read", async (t) => {
  const { call } = await withOrder(t);
  const status = async (path: string) => (await call(path)).status;
  assert.equal(await status("/v1/instances?since=2016-12-31T23:59:60Z"), 400);
  assert.equal(await status("/v1/instances?until=2016-12-31t23:59:59z"), 200);
  assert.equal(await status(`/v1/instances/${ABSENT}/history?after=1e300`), 400);
  assert.equal(await status(`/v1/instances/${ABSENT}/events?after=1e300`), 400);
  for (const version of ["%00", "%ED%A0%80", "a%20b"]) {
    assert.equal(await status(`/v1/workflows/shop/order/${version}`), 400, version);
  }
});

test("a read with wait answers with the end, or with what there is when the time is over", async (t) => {
  const { call, runtime, started } = await withOrder(t);
  const id = await started();
  const running = await call(`/v1/instances/${id}?wait=20ms`);
  assert.equal(running.status, 200);
  assert.equal((await body(running))["status"], "running");
  // Longer than MILLRACE_MAX_WAIT is no fault here.
  const waiting = call(`/v1/instances/${id}?wait=99h`);
  setImmediate(() => runtime.end(id, 42));
  assert.equal((await body(await waiting))["output"], 42);
  assert.equal((await call(`/v1/instances/${id}?wait=x`)).status, 400);
  assert.equal((await call(`/v1/instances/${ABSENT}?wait=1s`)).status, 404);
});

test("a priority is given and listed by its name, and one that is none refused", async (t) => {
  const { post, call } = await withOrder(t);
  const { id } = await body(await post(STARTS, { priority: "P0" }));
  const plain = await body(await post(STARTS, {}));
  assert.equal((await body(await call(`/v1/instances/${String(id)}`)))["priority"], "P0");
  const listed = async (query: string): Promise<unknown> => {
    const { items } = (await body(await call(`/v1/instances?${query}`))) as { items: Body[] };
    return items.map((item) => [item["id"], item["priority"]]);
  };
  assert.deepEqual(await listed("priority=P0"), [[id, "P0"]]);
  assert.deepEqual(await listed("priority=P0&priority=P2"), [
    [plain["id"], "P2"],
    [id, "P0"],
  ]);
  for (const priority of ["P5", "p1", "high", "", 1, null]) {
    const refused = await post(STARTS, { priority });
    assert.equal(refused.status, 400, JSON.stringify(priority));
    assert.match(JSON.stringify(await body(refused)), /body\.priority/);
  }
  for (const query of ["priority=P5", "priority=2", "priority=P0&priority=urgent", "priority="])
    assert.equal((await call(`/v1/instances?${query}`)).status, 400, query);
});

test("a retry takes no body, refuses what it does not know, and what is not faulted", async (t) => {
  const { post, call, runtime, started } = await withOrder(t);
  const id = await started();
  const path = `/v1/instances/${id}/retry`;
  const running = await post(path, {});
  assert.equal(running.status, 409);
  assert.equal((await body(running))["code"], "instance-not-retryable");
  runtime.fault(id, { type: "https://example.test/x", status: 500 });
  for (const [wrong, place] of [
    [{ form: "a" }, "body"],
    [{ from: "" }, "body.from"],
    [{ from: "nobody" }, "body.from"],
  ] as const) {
    const refused = await post(path, wrong);
    assert.equal(refused.status, 400);
    const [issue] = (await body(refused))["issues"] as { path: string }[];
    assert.equal(issue?.path, place);
  }
  const headers = { "idempotency-key": "k" };
  for (const _ of [1, 2]) {
    const retried = await call(path, { method: "POST", headers });
    assert.deepEqual([retried.status, (await body(retried))["status"]], [200, "running"]);
  }
  const other = await call(path, { method: "POST", headers: { "idempotency-key": "l" } });
  assert.equal(other.status, 409);
  assert.equal((await post(`/v1/instances/${ABSENT}/retry`, {})).status, 404);
});

test("an instance whose large value is damaged is 500, one whose store is away 503", async (t) => {
  const { call, post, runtime, started } = await withOrder(t);
  const id = await started();
  const digest = "ab".repeat(32);
  let refusal = new PayloadError(
    "corrupt",
    `a large value of instance ${id}: it is damaged`,
    digest,
  );
  for (const method of ["getInstance", "getHistory", "signalInstance", "retryInstance"] as const)
    t.mock.method(runtime, method, () => Promise.reject(refusal));
  const asked = [
    () => call(`/v1/instances/${id}`),
    () => call(`/v1/instances/${id}/history`),
    () => post(`/v1/instances/${id}/cancel`, {}),
    () => post(`/v1/instances/${id}/retry`, {}),
  ];
  for (const ask of asked) {
    const response = await ask();
    const problem = await body(response);
    assert.deepEqual([response.status, problem["code"]], [500, "payload-corrupt"]);
    assert.match(String(problem["detail"]), new RegExp(`a large value of instance ${id}`));
  }
  refusal = new PayloadError("unavailable", "the store does not answer");
  for (const ask of asked) {
    const response = await ask();
    assert.deepEqual(
      [response.status, (await body(response))["code"], response.headers.get("retry-after")],
      [503, "unavailable", "1"],
    );
  }
});
