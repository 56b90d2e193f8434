import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { familyOf } from "@millrace/server/embedded";
import pg from "pg";
import { launchPostgres } from "./postgres-server.ts";

/** Gone, or dead and waiting for its parent to take notice. */
function isOver(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return true;
  }
}

test("a kill ends every process of the server, and what was committed is there after it", async (t) => {
  if (process.platform !== "linux") return t.skip("looks into /proc");
  const server = await launchPostgres({ durable: true });
  t.after(() => server.stop());
  const before = new pg.Client({ connectionString: server.url });
  before.on("error", () => {});
  await before.connect();
  await before.query("CREATE TABLE kept AS SELECT 1 AS n");
  const { rows: own } = await before.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const family = familyOf(server.pid);
  assert.ok(family.includes(own[0]?.pid ?? 0), "the back end of a connection belongs to it");
  await server.kill();
  // SIGKILL is sent to all, but takes effect when the system gets to it.
  while (!family.every(isOver)) await new Promise(setImmediate);
  await server.restart();
  assert.ok(!family.includes(server.pid));
  const after = new pg.Client({ connectionString: server.url });
  await after.connect();
  assert.deepEqual((await after.query("SELECT n FROM kept")).rows, [{ n: 1 }]);
  await after.end();
});
