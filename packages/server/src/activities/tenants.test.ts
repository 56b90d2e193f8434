import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { systemClock } from "../clock.ts";
import { parseOrigins } from "./egress/origins.ts";
import { egressPolicies } from "./egress/policy.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { DEFAULT_RUNS } from "./run/config.ts";
import { openServices } from "./tenants.ts";
import { activityRequest, caller, kindOf } from "./testing.ts";

describe("tenants", () => {
  test("are judged by their own policies, for calls and for redirects", async (t) => {
    const server = await startHttpFixture(({ target }) =>
      target === "/away"
        ? { status: 307, headers: { location: "http://far.test/" } }
        : { body: "here" },
    );
    t.after(() => server.close());
    const { port } = new URL(server.origin);
    const { activities } = caller(t, {
      egress: {},
      resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      tenants: {
        acme: { allow: ["near.test"] },
        walled: { allow: ["near.test", "far.test"], only: ["near.test"] },
      },
    });
    const call = async (tenant: string, endpoint: string) => {
      const input = { method: "get", endpoint, redirect: true };
      const request = activityRequest("call:http", input, { tenant });
      const result = await activities.execute(request, new AbortController().signal);
      return "error" in result ? kindOf(result.error) : result.output;
    };
    assert.equal(await call("acme", `http://near.test:${port}/`), "here");
    assert.equal(await call("walled", `http://near.test:${port}/`), "here");
    // Not over the connection that acme has open.
    assert.equal(await call("default", `http://near.test:${port}/`), "authorization 403");
    for (const tenant of ["acme", "walled"]) {
      assert.equal(await call(tenant, `http://far.test:${port}/`), "authorization 403");
      assert.equal(await call(tenant, `http://near.test:${port}/away`), "authorization 403");
    }
  });

  test("make room for others when nobody uses their services, and only then", async (t) => {
    const shared = openServices({
      clock: systemClock(),
      policies: egressPolicies({}),
      breaker: {},
      limits: DEFAULT_LIMITS,
      origins: parseOrigins({}),
      settings: {},
      runs: DEFAULT_RUNS,
    });
    t.after(() => shared.close());
    const closed: string[] = [];
    const keep = (name: string) => () => ({ close: () => void closed.push(name) });
    const gate = Promise.withResolvers<void>();
    const busy = shared.use("busy", async (services) => {
      services.keep(keep("busy"));
      await gate.promise;
    });
    await shared.use("idle", async (services) => void services.keep(keep("idle")));
    for (let n = 0; n < 1_000; n += 1) await shared.use(`other ${n}`, () => Promise.resolve());
    assert.deepEqual(closed, ["idle"]);
    gate.resolve();
    await busy;
    await shared.close();
    assert.deepEqual(closed, ["idle", "busy"]);
  });
});
