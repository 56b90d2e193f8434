import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { buildConnector } from "undici";
import { DEFAULT_LIMITS } from "../limits.ts";
import { connectionPools } from "./pools.ts";

const connect = buildConnector({});

describe("connection pools", () => {
  test("are shared by a tenant's requests to an origin and by nobody else's", (t) => {
    const pools = connectionPools(DEFAULT_LIMITS);
    t.after(() => pools.close());
    const first = pools.of("a", "http://x.test", connect);
    assert.equal(pools.of("a", "http://x.test", connect), first);
    assert.notEqual(pools.of("b", "http://x.test", connect), first);
    assert.notEqual(pools.of("a", "https://x.test", connect), first);
    assert.equal(pools.size, 3);
  });

  test("make room: the idle one unused for longest goes, one in use stays", async (t) => {
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const server = await startHttpFixture(async () => {
      arrived.resolve();
      await gate.promise;
      return { body: "done" };
    });
    t.after(() => server.close());
    const pools = connectionPools({ ...DEFAULT_LIMITS, maxPools: 2 });
    t.after(() => pools.close());
    const busy = pools.of("a", server.origin, connect);
    const answer = busy.request({ path: "/", method: "GET" });
    await arrived.promise;
    const idle = pools.of("a", "http://idle.test", connect);
    for (let n = 0; n < 50; n += 1) pools.of("a", `http://${n}.test`, connect);
    assert.equal(pools.size, 2);
    assert.ok(idle.closed);
    assert.equal(pools.of("a", server.origin, connect), busy);
    gate.resolve();
    assert.equal(await (await answer).body.text(), "done");
  });

  test("go with their last connection", async (t) => {
    const server = await startHttpFixture(() => ({ headers: { connection: "close" } }));
    t.after(() => server.close());
    const pools = connectionPools(DEFAULT_LIMITS);
    t.after(() => pools.close());
    const pool = pools.of("a", server.origin, connect);
    const gone = once(pool, "disconnect");
    await (await pool.request({ path: "/", method: "GET" })).body.dump();
    await gone;
    assert.equal(pools.size, 0);
  });
});
