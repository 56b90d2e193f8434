/** Traces as a collector gets them: one tree over a retry, a child, calls that see it, and a server that is killed on the way. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { startHttpFixture } from "@millrace/testkit/http";
import { type CollectedSpan, type Collector, startCollector } from "./otlp-collector.ts";

const CALLER = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;
const INPUT = "a-word-of-the-input";

const document = (name: string) => ({ dsl: "1.0.3", namespace: "test", name, version: "1.0.0" });
const call = (uri: string) => ({
  call: "http",
  with: { method: "post", endpoint: uri, body: "${ . }", headers: { "x-key": INPUT } },
});

function workflows(shop: string): readonly object[] {
  const child = [{ pick: call(`${shop}/pick`) }, { pack: call(`${shop}/pack`) }];
  const parent = [
    {
      pay: {
        try: [{ charge: call(`${shop}/charge`) }],
        catch: { retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 2 } } } },
      },
    },
    {
      ship: {
        run: {
          workflow: {
            namespace: "test",
            name: "ship",
            version: "1.0.0",
            input: { n: "${ .secret }" },
          },
        },
      },
    },
    { told: { set: { done: "${ .secret }" } } },
  ];
  return [
    { document: document("ship"), do: child },
    { document: document("order"), do: parent },
  ];
}

interface Running {
  readonly url: string;
  kill(): Promise<void>;
}

async function startServer(database: TestDatabase, otel: object): Promise<Running> {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, "server-child.ts")],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        MILLRACE_DATABASE_URL: database.url,
        MILLRACE_PORT: "0",
        MILLRACE_EXCLUSIVE: "true",
        MILLRACE_EGRESS_ALLOW_LOOPBACK: "true",
        MILLRACE_LOG_LEVEL: "error",
        ...otel,
      },
    },
  );
  if (child.stdout === null) throw new Error("no stdout");
  const exited = once(child, "exit");
  const early = exited.then(() => Promise.reject(new Error("the server ended")));
  early.catch(() => {});
  const line = once(createInterface({ input: child.stdout }), "line");
  const [url] = (await Promise.race([line, early])) as [string];
  return {
    url,
    async kill() {
      child.kill("SIGKILL");
      await exited.catch(() => {});
    },
  };
}

async function post(url: string, body: unknown, headers: object = {}): Promise<{ id: string }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { id: string };
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}

function named(collector: Collector, name: string): readonly CollectedSpan[] {
  return collector.spans.filter((span) => span.name === name);
}

function one(collector: Collector, name: string): CollectedSpan {
  const found = named(collector, name);
  assert.equal(found.length, 1, `${found.length} spans ${name}`);
  return found[0] as CollectedSpan;
}

/** A shop whose `/charge` fails once, and whose first `/pack` is never answered; it writes down who calls. */
async function startShop(t: TestContext) {
  const calls: { readonly path: string; readonly traceparent: string; readonly state: string }[] =
    [];
  const packing = Promise.withResolvers<void>();
  const times = (path: string): number => calls.filter((each) => each.path === path).length;
  const server = await startHttpFixture(({ target, headers }) => {
    const { traceparent, tracestate } = headers;
    calls.push({ path: target, traceparent: String(traceparent), state: String(tracestate) });
    if (target === "/charge" && times(target) === 1) return { status: 503 };
    if (target === "/pack" && times(target) === 1) {
      packing.resolve();
      return new Promise<never>(() => {});
    }
    return { headers: { "content-type": "application/json" }, body: `{"secret":"${INPUT}"}` };
  });
  t.after(() => server.close());
  return { origin: server.origin, calls, packing: packing.promise };
}

test("one run is one tree, over a retry, a child, and a server that is killed in between", async (t) => {
  const database = await createDatabase();
  const collector = await startCollector();
  const shop = await startShop(t);
  const otel = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "20",
    OTEL_SERVICE_NAME: "mill",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test%20bed",
  };
  const servers = [await startServer(database, otel)];
  const [first] = servers as [Running];
  t.after(async () => {
    for (const server of servers) await server.kill();
    await collector.close();
    await database.drop();
  });
  for (const definition of workflows(shop.origin))
    await post(`${first.url}/v1/workflows`, definition);
  const headers = { traceparent: TRACEPARENT, tracestate: "rojo=1" };
  const start = "/v1/workflows/test/order/instances";
  const { id } = await post(`${first.url}${start}`, { input: { n: INPUT } }, headers);
  await shop.packing;
  // What ended before the crash is with the collector: its parents end after it, on another server.
  await collector.until(() => named(collector, "pick")[0]);
  await first.kill();
  const second = await startServer(database, otel);
  servers.push(second);
  await fetch(`${second.url}/v1/instances/${id}?wait=60s`);
  await collector.until(() => named(collector, "test/order")[0]);

  const tree: [child: string, parent: CollectedSpan][] = [];
  const root = one(collector, "test/order");
  const ship = one(collector, "ship");
  const child = one(collector, "test/ship");
  const [pay, told] = [one(collector, "pay"), one(collector, "told")];
  const charges = named(collector, "charge");
  const attempts = named(collector, "call:http charge");
  tree.push([pay.spanId, root], [ship.spanId, root], [told.spanId, root]);
  tree.push([child.spanId, ship], [one(collector, "pick").spanId, child]);
  tree.push([one(collector, "pack").spanId, child]);
  tree.push([one(collector, "call:http pick").spanId, one(collector, "pick")]);
  tree.push([one(collector, "call:http pack").spanId, one(collector, "pack")]);
  assert.equal(charges.length, 2);
  for (const [index, charge] of charges.entries())
    tree.push([charge.spanId, pay], [attempts[index]?.spanId ?? "", charge]);
  const byId = new Map(collector.spans.map((span) => [span.spanId, span]));
  for (const [spanId, parent] of tree) {
    assert.equal(byId.get(spanId)?.parentSpanId, parent.spanId, byId.get(spanId)?.name);
    assert.ok((byId.get(spanId)?.start ?? 0n) <= (byId.get(spanId)?.end ?? 0n));
  }
  assert.equal(root.parentSpanId, CALLER.spanId);
  assert.equal(collector.spans.length, tree.length + 1, "spans that are not of the tree");
  assert.ok(collector.spans.every(({ traceId }) => traceId === CALLER.traceId));
  assert.ok(collector.spans.every(({ tracestate }) => tracestate === "rojo=1"));
  assert.deepEqual(
    [root, ship, attempts[0]].map((span) => span?.kind),
    [2, 1, 3],
  );
  assert.deepEqual(
    [...charges, ...attempts].map(({ status }) => status),
    [2, 0, 2, 0],
  );
  assert.equal(pay.attributes["millrace.task.attempts"], 2);
  assert.equal(charges[0]?.attributes["error.type"], "communication");
  assert.equal(root.resource["service.name"], "mill");
  assert.equal(root.resource["deployment.environment.name"], "test bed");

  // Each call saw the span of its own attempt; the one that the crash took has none.
  const seen = (path: string) =>
    shop.calls.filter((each) => each.path === path).map(({ traceparent }) => traceparent);
  const context = ({ spanId }: CollectedSpan) => `00-${CALLER.traceId}-${spanId}-01`;
  assert.deepEqual(seen("/charge"), attempts.map(context));
  assert.deepEqual(seen("/pick"), [context(one(collector, "call:http pick"))]);
  const [lost, delivered, ...more] = seen("/pack");
  assert.deepEqual([delivered, more], [context(one(collector, "call:http pack")), []]);
  assert.notEqual(lost, delivered);
  assert.equal(one(collector, "call:http pack").attributes["millrace.activity.attempt"], 2);
  assert.ok(shop.calls.every(({ state }) => state === "rojo=1"));

  const bodies = collector.bodies.map((body) => body.toString("latin1")).join("\n");
  assert.ok(!bodies.includes(INPUT), "an input, output or header is in what was exported");
});
