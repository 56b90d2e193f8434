import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig, silentLogger, startRuntime } from "@millrace/server";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import { document } from "./harness.ts";

const REFUSED = `${document("refused")}
do: [ { c: { call: http, with: { method: get, endpoint: 'http://127.0.0.1:9/' } } } ]`;

test("a circuit breaker that opens is a CloudEvent of the tenant", async () => {
  const database = await createDatabase();
  const settings = { MILLRACE_EGRESS_ALLOW_LOOPBACK: "true", MILLRACE_BREAKER_FAILURES: "2" };
  const config = loadConfig(settings, { databaseUrl: database.url, exclusive: true });
  const host = await startRuntime(config, { log: silentLogger });
  await host.runtime.applyWorkflow({ text: REFUSED });
  for (let n = 0; n < 2; n += 1) {
    const { id } = await host.runtime.startInstance({
      namespace: "test",
      name: "refused",
      input: {},
    });
    const { status } = await host.runtime.waitInstance(id, 20_000);
    assert.equal(status, "faulted");
  }
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const stored = async () =>
    (await client.query("SELECT tenant, event FROM events WHERE type LIKE '%breaker.opened%'"))
      .rows;
  while ((await stored()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const [row] = await stored();
  const event = typeof row.event === "string" ? JSON.parse(row.event) : row.event;
  assert.equal(row.tenant, "default");
  assert.equal(event.subject, "http://127.0.0.1:9");
  assert.equal(event.source, "/millrace/breakers");
  assert.deepEqual([event.data.from, event.data.to], ["closed", "open"]);
  await client.end();
  await host.stop();
  await database.drop();
});
