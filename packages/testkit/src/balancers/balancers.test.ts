/** deploy/haproxy.cfg and deploy/nginx.conf before two nodes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, describe, test } from "node:test";
import {
  type Balancer,
  haproxyUnavailable,
  nginxUnavailable,
  startHaproxy,
  startNginx,
} from "./balancer.ts";
import { startDeafNode } from "./deaf-node.ts";
import { type Answer, ask, KEYS, MessageLoad, type Request } from "./load.ts";
import { type Pair, startPair, until } from "./pair.ts";

const KIND = {
  HAProxy: { start: startHaproxy, skip: haproxyUnavailable() },
  nginx: { start: startNginx, skip: nginxUnavailable() },
} as const;

const JSON_BODY = { "content-type": "application/json" };
const DIGEST = "0".repeat(64);

/** Requests to messages and payloads that a node has answered. */
async function answered(url: string, label = ""): Promise<number> {
  const { text } = await ask(`${url}/metrics`);
  const samples = text.matchAll(
    /^millrace_http_request_duration_seconds_count\{([^}]*route="[^"]*(?:messages|payloads)[^}]*)\} (\d+)$/gm,
  );
  return [...samples]
    .filter(([, labels]) => labels?.includes(label))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** Both nodes agree in the end: one notices within seconds what another deleted. */
async function assertKept(pair: Pair, load: MessageLoad): Promise<void> {
  for (const { url } of pair.nodes) {
    await Promise.all(
      [...load.kept].map(async ([digest, message]) => {
        const { status, text } = await ask(`${url}/messages/${digest}`);
        assert.deepEqual([status, text], [200, JSON.stringify({ message })], `lost: ${message}`);
      }),
    );
    for (const digest of load.deleted)
      await until(`${digest} is deleted`, async () => {
        const { status } = await ask(`${url}/messages/${digest}`);
        return status === 404;
      });
  }
}

/** HAProxy ends a connection that had answers before without one, as a server does that closes an idle one. */
function assertSaysToComeBack({ status, text, headers }: Answer): void {
  if (status === 0) return;
  assert.ok([502, 503].includes(status), `${status} ${text}`);
  assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/);
  assert.ok(Number(headers.get("retry-after")) >= 1);
  assert.equal((JSON.parse(text) as { code: string }).code, "unavailable");
}

let pair: Pair;
before(async () => {
  pair = await startPair();
});
after(() => pair.stop());

for (const [name, { start, skip }] of Object.entries(KIND))
  describe(name, { skip }, () => {
    let balancer: Balancer;
    before(async () => {
      await pair.up();
      balancer = await start(pair.ports);
    });
    after(() => balancer.stop());

    test(`${name} before two nodes that are killed under load: nothing acknowledged is lost`, async (t) => {
      const load = new MessageLoad(balancer.url);
      t.after(() => load.stop());
      load.start(8);
      const more = async (): Promise<void> => {
        const goal = load.answered + 200;
        await until("the load goes on", () => load.answered >= goal);
      };
      for (const node of pair.nodes) {
        await more();
        await node.kill();
        await more();
        await pair.up();
        await until("it takes part again", async () => (await answered(node.url)) > 0);
      }
      await more();
      await load.stop();
      assert.deepEqual(load.wrong, []);
      assert.ok(load.kept.size > 50 && load.deleted.size > 50);
      await assertKept(pair, load);
      t.diagnostic(`${load.answered} answered, ${load.turnedAway} asked to come back`);
    });

    test(`${name} says to come back while no node is there, and finds them again`, async () => {
      await Promise.all(pair.nodes.map((node) => node.kill()));
      assertSaysToComeBack(await ask(`${balancer.url}/messages/${DIGEST}`));
      await pair.up();
      await until("nodes are found again", async () => {
        const { status } = await ask(`${balancer.url}/messages/${DIGEST}`);
        return status === 404;
      });
      // Whichever runs them.
      await until("workflows are served again", async () => {
        const { status } = await ask(`${balancer.url}/readyz`);
        return status === 200;
      });
    });

    test(`${name} sends again what may be carried out twice, and nothing else`, async (t) => {
      const nodes = [await startDeafNode(), await startDeafNode()] as const;
      for (const node of nodes) t.after(() => node.stop());
      const deaf = await start([nodes[0].port, nodes[1].port]);
      t.after(() => deaf.stop());
      const starts = "/v1/workflows/default/order/instances";
      const cases: readonly (readonly [string, string, Request, boolean])[] = [
        ["GET", `/messages/${DIGEST}`, {}, true],
        ["GET", "/v1/instances", {}, true],
        ["POST", "/messages", { headers: JSON_BODY, body: '{"message":"x"}' }, true],
        ["POST", "/v1/events", { headers: JSON_BODY, body: "{}" }, true],
        ["POST", "/v1/workers/poll", { headers: JSON_BODY, body: "{}" }, true],
        ["POST", starts, { headers: JSON_BODY, body: "{}" }, false],
        ["POST", starts, { headers: { ...JSON_BODY, "idempotency-key": "k" }, body: "{}" }, true],
        ["POST", "/v1/workflows", { headers: JSON_BODY, body: "{}" }, false],
        ["PUT", "/v1/secrets/token", { headers: JSON_BODY, body: "{}" }, false],
        ["DELETE", `/messages/${DIGEST}`, {}, false],
        ["DELETE", `/v1/payloads/${DIGEST}`, {}, false],
        ["DELETE", "/v1/secrets/token", {}, false],
      ];
      let sent = 0;
      // A request on a connection that was used before fails in another way than on a new one.
      const connect = async (path: string): Promise<void> => {
        for (let times = 0; times < 4; times++) await ask(`${deaf.url}${path}?${sent++}`);
      };
      for (const [method, path, init, isRepeated] of cases) {
        // Nodes that failed are left alone for a while.
        await until("a node is asked again", async () => {
          await connect(`/messages/${DIGEST}`);
          await connect("/v1/instances");
          const before = nodes.flatMap(({ asked }) => asked).length;
          assertSaysToComeBack(await ask(deaf.url + path, { method, ...init }));
          const count = nodes.flatMap((node) => node.asked).length - before;
          if (count === 0) return false;
          assert.ok(isRepeated || count === 1, `${method} ${path}: ${count} times`);
          return !isRepeated || count > 1;
        });
      }
      const all = new Set(nodes.flatMap(({ asked }) => asked));
      for (const [method, path] of cases) assert.ok(all.has(`${method} ${path}`), path);
    });

    test(`${name} before two nodes: a task is taken, kept and ended though one of them has none`, async () => {
      const post = (path: string, body: unknown, type = "application/json"): Promise<Answer> =>
        ask(`${balancer.url}${path}`, {
          method: "POST",
          headers: { "content-type": type },
          body: typeof body === "string" ? body : JSON.stringify(body),
        });
      const ok = async (what: string, request: () => Promise<Answer>): Promise<Answer> => {
        let answer: Answer | undefined;
        await until(what, async () => {
          answer = await request();
          if (answer.status >= 300) assertSaysToComeBack(answer);
          return answer.status > 0 && answer.status < 300;
        });
        assert.ok(answer);
        return answer;
      };
      const version = `1.0.${name.length}`;
      const text = `document: { dsl: '1.0.3', namespace: test, name: worked, version: ${version} }
do: [ { work: { call: worker, with: { function: work } } } ]`;
      await ok("the workflow is there", () => post("/v1/workflows", text, "application/yaml"));
      await ok("it is started", () => post("/v1/workflows/test/worked/instances", {}));
      const poll = { worker: "one", functions: ["work"], wait: "5s" };
      const { text: polled } = await ok("a task comes", () => post("/v1/workers/poll", poll));
      const [task] = (JSON.parse(polled) as { tasks: { token: string }[] }).tasks;
      assert.ok(task, polled);
      const path = `/v1/workers/tasks/${task.token}`;
      for (let times = 0; times < 10; times++)
        await ok("it is heard", () => post(`${path}/heartbeat`, {}));
      await ok("it is done", () => post(`${path}/complete`, { output: 1 }));
    });

    test(`${name} passes a body on as it comes`, async () => {
      const upload = request(`${balancer.url}/v1/payloads`, {
        method: "PUT",
        headers: {
          authorization: `Bearer ${KEYS[0]}`,
          "content-digest": "sha-256=nonsense",
          "transfer-encoding": "chunked",
        },
      });
      upload.on("error", () => {});
      upload.write(Buffer.alloc(100_000));
      // It never ends: only a node that has seen its beginning can answer.
      const [answer] = (await once(upload, "response")) as [IncomingMessage];
      assert.equal(answer.statusCode, 400);
      upload.destroy();
    });
  });

describe("the cache of nginx", { skip: KIND.nginx.skip }, () => {
  let nginx: Balancer;
  before(async () => {
    await pair.up();
    nginx = await startNginx(pair.ports);
  });
  after(() => nginx.stop());

  const put = async (text: string): Promise<string> => {
    const { status, text: body } = await ask(`${nginx.url}/v1/payloads`, {
      method: "PUT",
      body: text,
    });
    assert.equal(status, 201, body);
    return `${nginx.url}/v1/payloads/${(JSON.parse(body) as { digest: string }).digest}`;
  };
  const cacheOf = ({ headers }: Answer): string | null => headers.get("x-cache");

  test("what is read again comes from the cache, and is asked for anew when it is old", async () => {
    const url = await put("a payload that many read");
    const before = await answeredReads();
    const seen = new Set<string | null>();
    for (let times = 0; times < 300; times++) {
      const answer = await ask(url);
      assert.deepEqual([answer.status, answer.text], [200, "a payload that many read"]);
      seen.add(cacheOf(answer));
    }
    assert.ok(seen.has("MISS") && seen.has("HIT"), [...seen].join());
    assert.ok((await answeredReads()) - before < 150, "the nodes were asked for few of them");
    // A node answers 304: the bytes are not sent again.
    for (const path of [url, url.replace("/v1/payloads", "/messages")])
      await until(
        "an entry is asked for anew",
        async () => cacheOf(await ask(path)) === "REVALIDATED",
      );
  });

  test("what is deleted is gone from the cache within seconds", async () => {
    const url = await put("a payload that is deleted");
    assert.equal((await ask(url)).status, 200);
    assert.equal((await ask(url, { method: "DELETE" })).status, 204);
    await until("it is gone", async () => (await ask(url)).status === 404);
  });

  test("nobody is given from the cache what another caller's key read", async () => {
    const url = await put("a payload of one caller");
    for (let times = 0; times < 3; times++) assert.equal((await ask(url)).status, 200);
    const other = await ask(url, { headers: { authorization: `Bearer ${KEYS[1]}` } });
    assert.deepEqual([other.status, cacheOf(other)], [200, "MISS"]);
    for (const headers of [
      { authorization: "" },
      { authorization: "Bearer a-key-that-is-not-known" },
    ])
      assert.equal((await ask(url, { headers })).status, 401);
  });

  test("ranges and conditions pass through the cache", async () => {
    const url = await put("0123456789");
    for (let times = 0; times < 3; times++) {
      const part = await ask(url, { headers: { range: "bytes=2-4" } });
      assert.deepEqual([part.status, part.text], [206, "234"]);
      assert.equal(part.headers.get("content-range"), "bytes 2-4/10");
      const whole = await ask(url);
      assert.deepEqual([whole.status, whole.text], [200, "0123456789"]);
      const etag = whole.headers.get("etag") ?? "";
      assert.equal((await ask(url, { headers: { "if-none-match": etag } })).status, 304);
    }
  });

  test("large payloads pass through and are not kept", async () => {
    const url = await put("0123456789".repeat(100_000));
    for (let times = 0; times < 3; times++) {
      const answer = await ask(url, { headers: { "accept-encoding": "identity" } });
      assert.deepEqual([answer.text.length, cacheOf(answer)], [1_000_000, "MISS"]);
    }
  });

  /** Reads of payloads that the nodes have answered. */
  async function answeredReads(): Promise<number> {
    const counts = await Promise.all(pair.nodes.map(({ url }) => answered(url, 'method="GET"')));
    return counts.reduce((sum, count) => sum + count, 0);
  }
});
