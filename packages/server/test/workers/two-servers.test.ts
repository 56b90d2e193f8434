/** Two servers on one database: the one that runs the workflows has the tasks, and the other one says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerList } from "@millrace/protocol";
import { type Outcome, Worker } from "@millrace/sdk";
import { calling, serveWhole } from "./stand.ts";

const ECHO = calling("echo", "{ function: work, arguments: '${ .n }', lease: PT5S }");

test("a server without tasks refuses whatever is said of them, to be said again; nothing is lost", async (t) => {
  const { api, beside } = await serveWhole(t, [ECHO]);
  const other = await beside();
  const id = await api.start("echo");
  const task = await api.task();
  const poll = await other.post("/v1/workers/poll", {
    worker: "w",
    functions: ["work"],
    wait: "9s",
  });
  const said = await Promise.all(
    ["heartbeat", "checkpoint", "complete", "fail", "release"].map((what) => other.say(task, what)),
  );
  for (const { status, headers, body } of [poll, ...said]) {
    const { code } = body as { code?: string };
    assert.deepEqual([status, code, headers.get("retry-after")], [503, "unavailable", "1"]);
  }
  assert.equal((await fetch(`${other.url}/v1/workers`)).status, 503);
  assert.equal((await api.say(task, "heartbeat")).status, 200);
  assert.equal((await api.say(task, "complete", { output: "mine" })).status, 204);
  assert.equal((await other.instance(id)).output, "mine");
});

test("a worker before servers that take turns ends its tasks, each once", async (t) => {
  const { api, beside } = await serveWhole(t, [ECHO]);
  const urls = [api.url, (await beside()).url];
  let asked = 0;
  // What a balancer does that does not know which server has the tasks.
  const inTurn = (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
    asked += 1;
    const { pathname } = new URL(address instanceof Request ? address.url : address);
    return fetch(`${urls[asked % 2]}${pathname}`, init);
  };
  const outcomes: Outcome[] = [];
  const worker = new Worker({
    url: "http://balancer",
    fetch: inTurn,
    functions: {
      // For long enough that heartbeats meet both servers.
      work: async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        return n;
      },
    },
    onEnded: (outcome) => outcomes.push(outcome),
  });
  worker.start();
  t.after(() => worker.stop({ grace: 0 }));
  const ids = await Promise.all([1, 2, 3].map((n) => api.start("echo", { n })));
  const ends = await Promise.all(ids.map((id) => api.ended(id)));
  assert.deepEqual(
    ends.map(({ output, error }) => [output, error]),
    [1, 2, 3].map((n) => [n, undefined]),
  );
  await worker.stop();
  assert.equal(outcomes.filter((outcome) => outcome === "completed").length, 3);
});

test("workers are listed with what they do and have, in pages", async (t) => {
  const { api } = await serveWhole(t, [ECHO]);
  const list = async (query = ""): Promise<WorkerList> =>
    (await (await fetch(`${api.url}/v1/workers${query}`)).json()) as WorkerList;
  assert.deepEqual(await list(), { items: [] });
  const id = await api.start("echo");
  const task = await api.task({ worker: "busy", functions: ["work", "rest"] });
  const waiting = api.poll({ worker: "idle", pool: "gpu" });
  let page = await list("?limit=1");
  while (page.nextCursor === undefined) page = await list("?limit=1");
  const [busy] = page.items;
  assert.ok(busy);
  const { firstSeenAt, lastSeenAt, ...rest } = busy;
  assert.ok(firstSeenAt <= lastSeenAt);
  const { activityId } = task;
  const inHand = { instanceId: id, activityId, name: "work", function: "work" };
  assert.deepEqual(rest, {
    name: "busy",
    pool: "default",
    functions: ["work", "rest"],
    polling: false,
    taskCount: 1,
    tasks: [{ ...inHand, attempt: 1, delivery: 1 }],
  });
  const { items, nextCursor } = await list(`?limit=1&cursor=${page.nextCursor}`);
  assert.equal(nextCursor, undefined);
  assert.deepEqual(
    items.map(({ name, pool, polling, taskCount }) => [name, pool, polling, taskCount]),
    [["idle", "gpu", true, 0]],
  );
  await api.say(task, "complete");
  assert.equal((await list()).items[0]?.taskCount, 0);
  const wrong = await fetch(`${api.url}/v1/workers?cursor=nonsense`);
  assert.equal(((await wrong.json()) as { code: string }).code, "invalid-cursor");
  await api.post(`/v1/workers/poll`, { worker: "idle", functions: ["work"] });
  void waiting.catch(() => {});
});
