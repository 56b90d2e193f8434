import assert from "node:assert/strict";
import test from "node:test";
import type { Problem } from "@millrace/protocol";
import { startTestApi, type TestApi } from "@millrace/testkit/api";

const TOKEN = `0.${"A".repeat(22)}`;

async function problem(api: TestApi, path: string, body: unknown): Promise<Problem> {
  const response = await api.post(`/v1/workers/${path}`, body);
  assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  const said = (await response.json()) as Problem;
  assert.equal(said.status, response.status);
  return said;
}

test("a poll that asks for nothing, or for too much, is refused with its place", async (t) => {
  const api = await startTestApi(t);
  const right = { worker: "one", functions: ["work"] };
  for (const [more, place] of [
    [{ functions: [] }, "body.functions"],
    [{ functions: ["a b"] }, "body.functions.0"],
    [{ worker: "" }, "body.worker"],
    [{ max: 101 }, "body.max"],
    [{ pool: "../x" }, "body.pool"],
    [{ wait: "soon" }, "body.wait"],
  ] as const) {
    const { code, issues } = await problem(api, "poll", { ...right, ...more });
    assert.equal(code, "invalid-request");
    assert.equal(issues?.[0]?.path, place);
  }
  assert.equal((await problem(api, "poll", { ...right, extra: 1 })).code, "invalid-request");
  const answer = await api.post("/v1/workers/poll", right);
  assert.deepEqual(await answer.json(), { tasks: [], cancelled: [] });
});

test("what is said of a task that nobody has is refused, whatever it is", async (t) => {
  const api = await startTestApi(t);
  for (const what of ["heartbeat", "checkpoint", "complete", "fail", "release"]) {
    const { status, code } = await problem(api, `tasks/${TOKEN}/${what}`, {});
    assert.deepEqual([status, code], [409, "task-lost"], what);
  }
});

test("a token that was never one is refused before anything is looked up", async (t) => {
  const api = await startTestApi(t);
  const { status, code } = await problem(api, "tasks/short/heartbeat", {});
  assert.deepEqual([status, code], [400, "invalid-request"]);
});

test("a checkpoint that contradicts itself is refused with the member that does", async (t) => {
  const api = await startTestApi(t);
  const digest = "0".repeat(64);
  for (const [body, place] of [
    [{ data: 1, state: 2 }, "body.state"],
    [{ state: 1, digest }, "body.digest"],
    [{ level: "state", data: 1 }, "body.level"],
    [{ level: "progress", digest }, "body.level"],
    [{ percent: 101 }, "body.percent"],
    [{ note: "x".repeat(1_025) }, "body.note"],
    [{ digest: "nothing" }, "body.digest"],
  ] as const) {
    const { code, issues } = await problem(api, `tasks/${TOKEN}/checkpoint`, body);
    assert.equal(code, "invalid-request");
    assert.equal(issues?.[0]?.path, place);
  }
});

test("an error that no task can have is refused", async (t) => {
  const api = await startTestApi(t);
  for (const body of [{ status: 99 }, { type: "" }, { detail: "x".repeat(8_193) }, { why: 1 }])
    assert.equal((await problem(api, `tasks/${TOKEN}/fail`, body)).code, "invalid-request");
});

test("more polls than the server holds are refused, with when to come back", async (t) => {
  const api = await startTestApi(t);
  Object.defineProperty(api.workers, "maxPolls", { value: 0 });
  const response = await api.post("/v1/workers/poll", {
    worker: "one",
    functions: ["work"],
    wait: "1s",
  });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
  assert.equal(((await response.json()) as Problem).code, "overloaded");
});
