import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { startTestApi } from "@millrace/testkit/api";

const ORDER = {
  document: { dsl: "1.0.3", namespace: "shop", name: "order", version: "1.0.0" },
  do: [],
};

async function withInstance(t: TestContext, config: Parameters<typeof startTestApi>[1] = {}) {
  const api = await startTestApi(t, config);
  await api.post("/v1/workflows", ORDER);
  await api.post("/v1/workflows/shop/order/instances", { input: 7 });
  const [id] = [...api.runtime.instances.keys()] as [string];
  return { ...api, id, path: `/v1/instances/${id}/events` };
}

/** Reads a stream block by block (a block ends with an empty line). */
function blocks(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let buffered = "";
  return {
    cancel: () => reader.cancel(),
    /** The next block, or `undefined` at the end. */
    async next(): Promise<string | undefined> {
      while (!buffered.includes("\n\n")) {
        const { value, done } = await reader.read();
        if (done) return undefined;
        buffered += value;
      }
      const end = buffered.indexOf("\n\n");
      const block = buffered.slice(0, end);
      buffered = buffered.slice(end + 2);
      return block;
    },
  };
}

test("a page of an origin that may call may read the stream", async (t) => {
  const origin = "https://console.test";
  const { call, path } = await withInstance(t, { origins: [origin] });
  const response = await call(path, { headers: { origin } });
  assert.equal(response.headers.get("access-control-allow-origin"), origin);
  await blocks(response).cancel();
});

test("facts arrive as they are committed, and the stream ends with the last", async (t) => {
  const { call, runtime, id, path } = await withInstance(t);
  const response = await call(path);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const stream = blocks(response);
  assert.equal(
    await stream.next(),
    'id: 1\nevent: workflow.started\ndata: {"kind":"workflow.started","input":7,"seq":1,"at":"2026-11-05T12:00:03.000Z"}',
  );
  runtime.append(id, { kind: "task.skipped", task: "/do/0/a", occurrence: "1", name: "a" });
  assert.match(String(await stream.next()), /^id: 2\nevent: task.skipped\n/);
  runtime.end(id, null);
  assert.match(String(await stream.next()), /^id: 3\nevent: workflow.completed\n/);
  assert.equal(await stream.next(), undefined);
});

test("a client that returns with Last-Event-ID misses nothing and gets nothing twice", async (t) => {
  const { call, runtime, id, path } = await withInstance(t);
  const first = blocks(await call(path));
  await first.next();
  await first.cancel();
  runtime.append(id, { kind: "workflow.suspended" });
  runtime.append(id, { kind: "workflow.resumed" });
  const again = blocks(await call(`${path}?after=0`, { headers: { "last-event-id": "1" } }));
  assert.match(String(await again.next()), /^id: 2\n/);
  assert.match(String(await again.next()), /^id: 3\n/);
  runtime.end(id, 1);
  assert.match(String(await again.next()), /^id: 4\n/);
  assert.equal(await again.next(), undefined);

  const over = await call(path, { headers: { "last-event-id": "4" } });
  assert.equal(over.status, 204, "an EventSource stops at this");
  const behind = blocks(await call(`${path}?after=3`));
  assert.match(String(await behind.next()), /^id: 4\n/);
});

test("a quiet stream is kept open by comments", async (t) => {
  const { call, timers, path } = await withInstance(t);
  const stream = blocks(await call(`${path}?after=1`));
  for (let beat = 0; beat < 3; beat += 1) {
    timers.fire();
    assert.equal(await stream.next(), ": still here");
  }
  await stream.cancel();
});

test("a Last-Event-ID that this stream never gave is refused", async (t) => {
  const { call, path } = await withInstance(t);
  const response = await call(path, { headers: { "last-event-id": "abc" } });
  assert.equal(response.status, 400);
});

test("stopping the server ends its streams", async (t) => {
  const { call, server, path } = await withInstance(t);
  const stream = blocks(await call(`${path}?after=1`));
  await Promise.all([stream.next().then((end) => assert.equal(end, undefined)), server.stop()]);
});
