import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import pg from "pg";
import { document, fresh, history, open, start } from "../harness.ts";

const WAIT = 30_000;
const listen = (step: string): string => `
  - ${step}:
      listen:
        to:
          one:
            with: { type: ${step} }
            correlate: { n: { from: .data.n, expect: "\${ $workflow.input.n }" } }
      output: { as: "\${ .[0].step }" }
      export: { as: "\${ ($context.steps // []) + [.] | { steps: . } }" }`;
const THREE = `${document("three")}
do:${["one", "two", "three"].map(listen).join("")}
output: { as: "\${ $context.steps }" }`;

async function killAfter(count: number, url: string, from: number): Promise<readonly number[]> {
  const keys: number[] = [];
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "crash-child.ts"), url, String(from)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for await (const key of createInterface({ input: child.stdout })) {
    keys.push(Number(key));
    if (keys.length === count) child.kill("SIGKILL");
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return keys;
}

test("three kills lose no event that was acknowledged, and bring none twice", async () => {
  const { database, opened } = await fresh([THREE]);
  await opened.stop();
  const keys: number[] = [];
  for (const from of [0, 10_000, 20_000]) keys.push(...(await killAfter(60, database.url, from)));
  const last = await open(database);
  const { runtime } = last;
  for (const n of keys) {
    const { id, created } = await start(runtime, "three", { n }, `k${n}`);
    assert.equal(created, false);
    const { status, output } = await runtime.waitInstance(id, WAIT);
    assert.equal(status, "completed", `${n}: ${status}`);
    assert.deepEqual(output, ["one", "two", "three"]);
    await history(runtime, id);
  }
  assert.equal(runtime.stats().counters.reconcilerRepairs, 0);
  await last.stop();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT (SELECT count(*) FROM event_queue) AS queue,
            (SELECT count(*) FROM event_subscriptions AS s
             WHERE NOT EXISTS (SELECT FROM instances AS i WHERE i.id = s.target_id)) AS waits`,
  );
  assert.deepEqual(rows, [{ queue: "0", waits: "0" }]);
  await client.end();
  await database.drop();
});

test("an event received by a node that has lost its partitions reaches the instance by the other", async () => {
  const { database, opened: first } = await fresh([THREE]);
  const { id } = await start(first.runtime, "three", { n: 1 });
  const second = await open(database);
  for (const step of ["one", "two", "three"])
    await first.runtime.publishEvents([
      { specversion: "1.0", id: step, source: "/s", type: step, data: { n: 1, step } },
    ]);
  const view = await second.runtime.waitInstance(id, WAIT);
  assert.deepEqual([view.status, view.output], ["completed", ["one", "two", "three"]]);
  await first.stop();
  await second.stop();
  await database.drop();
});
