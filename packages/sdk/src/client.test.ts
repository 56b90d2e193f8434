import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { startTestApi } from "@millrace/testkit/api";
import { MillraceClient, MillraceError, type TransportOptions } from "./index.ts";

const ORDER = "document:\n  namespace: shop\n  name: order\n  version: 1.0.0\n";
const order = { namespace: "shop", name: "order" };

async function api(t: TestContext, options: Partial<TransportOptions> = {}) {
  const { url, runtime } = await startTestApi(t);
  return { runtime, client: new MillraceClient({ url, ...options }) };
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server that answers its requests with one function after the other; notes each request and each pause. */
async function scripted(t: TestContext, answers: Answer[]) {
  const requests: { headers: IncomingMessage["headers"]; body: string }[] = [];
  const pauses: number[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => void (body += text));
    request.on("end", () => {
      requests.push({ headers: request.headers, body });
      answers.shift()?.(request, response, body);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const client = new MillraceClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sleep: async (milliseconds) => void pauses.push(milliseconds),
  });
  return { client, requests, pauses };
}

const cutOff: Answer = (_, response) => void response.destroy();
const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
const overloaded = json(
  503,
  {
    type: "urn:millrace:error:overloaded",
    code: "overloaded",
    status: 503,
    title: "The server has more work queued than it accepts",
    action: "Wait",
  },
  { "retry-after": "3" },
);

test("applies, reads and lists workflows", async (t) => {
  const { client } = await api(t);
  assert.equal((await client.workflows.apply(ORDER)).version, "1.0.0");
  await client.workflows.apply(ORDER.replace("1.0.0", "2.0.0"));
  assert.equal((await client.workflows.get(order)).version, "2.0.0");
  assert.equal((await client.workflows.get({ ...order, version: "1.0.0" })).version, "1.0.0");
  assert.equal(await client.workflows.getText({ ...order, version: "1.0.0" }), ORDER);
  const versions = [];
  for await (const { version } of client.workflows.list({ limit: 1 })) versions.push(version);
  assert.deepEqual(versions, ["1.0.0", "2.0.0"]);
});

test("an invalid workflow rejects with the problem and its issues", async (t) => {
  const { client } = await api(t);
  const refused = client.workflows.apply("document:\n  name: order\n");
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, "workflow-invalid");
    assert.equal(error.status, 422);
    assert.equal(error.problem?.issues?.[0]?.path, "document.version");
    return true;
  });
});

test("starts, reads, lists, signals and follows instances", async (t) => {
  const { client, runtime } = await api(t);
  await client.workflows.apply(ORDER);
  const { id, created } = await client.instances.start({ ...order, input: { n: 1 } });
  assert.ok(created);
  assert.deepEqual((await client.instances.get(id)).input, { n: 1 });
  const second = await client.instances.start(order);
  assert.notEqual(second.id, id, "each start without a key is another instance");
  const listed = [];
  for await (const each of client.instances.list({ ...order, status: ["running"], limit: 1 })) {
    listed.push(each.id);
  }
  assert.deepEqual(listed, [second.id, id]);
  assert.equal((await client.instances.suspend(id, { reason: "audit" })).status, "suspended");
  assert.equal((await client.instances.resume(id)).status, "running");
  const seen: string[] = [];
  for await (const { kind } of client.instances.events(id)) {
    seen.push(kind);
    if (kind === "workflow.resumed") runtime.end(id, "done");
  }
  const kinds = ["started", "suspended", "resumed", "completed"].map((each) => `workflow.${each}`);
  assert.deepEqual(seen, kinds);
  const history = [];
  for await (const { kind } of client.instances.history(id)) history.push(kind);
  assert.deepEqual(history, kinds);
  assert.deepEqual((await client.instances.wait(id)).output, "done");
  for await (const _ of client.instances.events(id, { after: 4 })) assert.fail("nothing is left");
});

test("wait resolves when the instance has ended", async (t) => {
  const { client, runtime } = await api(t);
  await client.workflows.apply(ORDER);
  const { id } = await client.instances.start(order);
  const ended = client.instances.wait(id);
  setImmediate(() => runtime.end(id, 42));
  assert.equal((await ended).output, 42);
  const started = client.instances.startAndWait({ ...order, wait: "20ms" });
  assert.equal((await started).status, "running", "the time is over, the instance is not");
});

test("wait asks for the end alone, again when it has not come, and reads no history", async (t) => {
  const view = { id: "X", status: "running" };
  const asked: (string | undefined)[] = [];
  const noting =
    (answer: Answer): Answer =>
    (request, ...rest) => {
      asked.push(request.url);
      answer(request, ...rest);
    };
  const { client, pauses } = await scripted(t, [
    noting(json(200, view)),
    noting(json(200, { ...view, status: "completed", output: 7 })),
  ]);
  assert.equal((await client.instances.wait("X")).output, 7);
  assert.deepEqual(asked, ["/v1/instances/X?wait=30000ms", "/v1/instances/X?wait=30000ms"]);
  assert.equal(pauses.length, 1);
});

test("waiting and following end with their signal", async (t) => {
  const { client } = await api(t);
  await client.workflows.apply(ORDER);
  const { id } = await client.instances.start(order);
  const stop = new AbortController();
  const waiting = client.instances.wait(id, { signal: stop.signal });
  setImmediate(() => stop.abort(new Error("enough")));
  await assert.rejects(waiting, /enough/);
});

test("cancelling twice is cancelling once; what has completed cannot be cancelled", async (t) => {
  const { client, runtime } = await api(t);
  await client.workflows.apply(ORDER);
  const { id } = await client.instances.start(order);
  assert.equal((await client.instances.cancel(id)).status, "cancelled");
  assert.equal((await client.instances.cancel(id)).status, "cancelled");
  const other = await client.instances.start(order);
  runtime.end(other.id, null);
  await assert.rejects(client.instances.cancel(other.id), { code: "instance-terminal" });
});

test("publishes one event or many, each once", async (t) => {
  const { client } = await api(t);
  const event = { id: "1", source: "/shop", specversion: "1.0", type: "paid" } as const;
  assert.deepEqual(await client.events.publish(event), { accepted: 1, duplicates: 0 });
  const batch = [event, { ...event, id: "2" }];
  assert.deepEqual(await client.events.publish(batch), { accepted: 1, duplicates: 1 });
});

test("a start is repeated under one key when connections fail and the server is busy", async (t) => {
  const started = json(201, { id: "01JC7Z6V5M3B8Q4X2N9R0T1WYA", created: true });
  const { client, requests, pauses } = await scripted(t, [cutOff, overloaded, started]);
  assert.ok((await client.instances.start({ ...order, input: 1 })).created);
  const keys = requests.map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
  assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
  const [first = 0, second = 0] = pauses;
  assert.ok(first >= 50 && first <= 100, `${first}`);
  assert.equal(second, 3_000, "as Retry-After says");
});

test("what the server refuses is not tried again", async (t) => {
  const refusal = { type: "urn:millrace:error:instance-not-found", code: "instance-not-found" };
  const { client, requests } = await scripted(t, [json(404, { ...refusal, status: 404 })]);
  await assert.rejects(client.instances.get("x"), { code: "instance-not-found", status: 404 });
  assert.equal(requests.length, 1);
});

test("gives up after the retries, and says why", async (t) => {
  const { client, requests } = await scripted(t, Array<Answer>(10).fill(cutOff));
  await assert.rejects(client.instances.get("x"), { code: "unreachable", status: 0 });
  assert.equal(requests.length, 6);
});

test("a connection that fails is told in words", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await once(server.close(), "close");
  const refused = new MillraceClient({ url, retry: { retries: 0 } });
  await assert.rejects(refused.instances.get("x"), {
    code: "unreachable",
    message: `cannot reach ${url}: connection refused`,
  });
  const silent = new MillraceClient({
    url,
    retry: { retries: 0 },
    fetch: () => Promise.reject(new DOMException("The operation timed out", "TimeoutError")),
  });
  await assert.rejects(silent.instances.get("x"), { message: /: no answer in time$/ });
});

test("an answer of another program is named as such", async (t) => {
  const { client } = await scripted(t, [
    (_, response) => void response.end("<html>"),
    json(404, { error: "not found" }),
    json(402, { type: "urn:millrace:error:of-tomorrow", code: "of-tomorrow", title: "Pay first" }),
  ]);
  await assert.rejects(client.instances.get("x"), { code: "unexpected-answer" });
  await assert.rejects(client.instances.get("x"), { code: "unexpected-answer", status: 404 });
  await assert.rejects(client.instances.get("x"), { status: 402, message: /402: Pay first$/ });
});

test("a stream that breaks off goes on after the last fact seen", async (t) => {
  const fact = (seq: number, kind: string) =>
    `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, kind })}\n\n`;
  const stream =
    (text: string, end: boolean): Answer =>
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(text, () => (end ? response.end() : response.destroy()));
    };
  const asked: (string | undefined)[] = [];
  const noting =
    (answer: Answer): Answer =>
    (request, response, body) => {
      asked.push(request.url);
      answer(request, response, body);
    };
  const { client } = await scripted(
    t,
    [
      stream(
        `: hello\n\n${fact(1, "workflow.started")}${fact(2, "task.started").slice(0, 9)}`,
        true,
      ),
      overloaded,
      stream(fact(2, "task.started") + fact(3, "workflow.completed"), true),
    ].map(noting),
  );
  const seen = [];
  for await (const { seq } of client.instances.events("x")) seen.push(seq);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(
    asked.map((url) => url?.split("?")[1]),
    ["after=0", "after=1", "after=1"],
  );
});

test("the key is sent, and an address that is none refused", async (t) => {
  const { client, requests } = await scripted(t, [json(200, {})]);
  await client.instances.get("a b/c");
  assert.equal(requests[0]?.headers.authorization, undefined);
  const fetched: RequestInit[] = [];
  const keyed = new MillraceClient({
    url: "https://millrace.example",
    apiKey: "secret",
    fetch: async (_, init) => {
      fetched.push(init ?? {});
      return Response.json({});
    },
  });
  await keyed.instances.get("x");
  const headers = new Headers(fetched[0]?.headers);
  assert.equal(headers.get("authorization"), "Bearer secret");
  const badKey = { url: "http://localhost", apiKey: "sec\nret" };
  assert.throws(() => new MillraceClient(badKey), /^TypeError: apiKey: expected(?!.*sec)/);
  const wrong = [
    "localhost",
    "ftp://localhost",
    "http://ada:secret@localhost",
    "http://localhost?x",
  ];
  for (const url of wrong) {
    assert.throws(() => new MillraceClient({ url }), /^TypeError: url: expected(?!.*secret)/);
  }
});

test("starts with a priority, and lists by it", async (t) => {
  const { client } = await api(t);
  await client.workflows.apply(ORDER);
  const { id } = await client.instances.start({ ...order, priority: "P0" });
  await client.instances.start(order);
  assert.equal((await client.instances.get(id)).priority, "P0");
  const { items } = await client.instances.listPage({ priority: ["P0", "P1"] });
  assert.deepEqual(
    items.map((item) => item.id),
    [id],
  );
});
