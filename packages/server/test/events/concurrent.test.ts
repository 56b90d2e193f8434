/** Each order in which a match and a look of the same event can overlap, held still in the middle. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type pg from "pg";
import type { Epoch } from "../../src/store/store.ts";
import { bucket, HOUR, type Stand, stand, target, told, wait } from "./stand.ts";

let s: Stand;
let epochs: readonly Epoch[];
before(async () => {
  s = await stand();
});
after(() => s.close());
beforeEach(async () => {
  await s.pool.query(
    "TRUNCATE events, event_keys, event_queue, event_subscriptions, event_looks, event_deliveries, inbox",
  );
  epochs = await s.take();
});

const A = bucket("a");
const B = bucket("b");

/** Runs `call` and leaves the transaction open while `meanwhile` runs. */
async function during(
  call: "match_events" | "look_events",
  meanwhile: (commit: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const client: pg.PoolClient = await s.pool.connect();
  let open = true;
  const commit = async (): Promise<void> => {
    open = false;
    await client.query("COMMIT");
  };
  try {
    await client.query("BEGIN");
    const held = [epochs.map((e) => e.partition), epochs.map((e) => e.epoch)];
    const keep = call === "look_events" ? `${HOUR},` : "";
    await client.query(`SELECT ${call}($1::int[], $2::bigint[], ${keep} 0)`, held);
    await meanwhile(commit);
    if (open) await commit();
  } finally {
    client.release();
  }
}

/** Resolves when some connection waits for another's transaction. */
async function waits(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event = 'transactionid'`;
  while ((await s.pool.query(waiting)).rowCount === 0);
}

test("a match waits for a look that began before the event, and brings what the look has not seen", async () => {
  const t = target(1);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await during("look_events", async (commit) => {
    await s.post(["s", "1", [A]]);
    const matching = s.match();
    await waits();
    await commit();
    assert.equal(await matching, 1);
  });
  assert.equal(await s.look(), 0);
  assert.deepEqual(told(await s.mail()), [[t, "s", "1"]]);
});

test("a wait that is committed during a match has its look", async () => {
  const t = target(1);
  await s.post(["s", "1", [A]]);
  await during("match_events", async () => {
    await s.commit((batch) => wait(batch, t, 1, "f1", A));
    assert.equal(await s.look(), 1);
  });
  assert.equal(await s.count("event_queue"), 0);
  assert.equal(await s.match(), 0);
  assert.deepEqual(told(await s.mail()), [[t, "s", "1"]]);
});

test("a match and a look that bring one event to one target bring it once", async () => {
  const t = target(1);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.look();
  await s.post(["s", "1", [A, B]]);
  await during("match_events", async (commit) => {
    await s.commit((batch) => wait(batch, t, 1, "f2", B));
    const looking = s.look();
    await waits();
    await commit();
    assert.equal(await looking, 0);
  });
  assert.deepEqual(told(await s.mail()), [[t, "s", "1"]]);
});

test("a wait that is taken back during a look is gone afterwards", async () => {
  const t = target(1);
  await s.post(...Array.from({ length: 100 }, (_, n) => ["s", `${n}`, [A]] as const));
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await during("look_events", async (commit) => {
    const clearing = s.commit((batch) =>
      batch.subscriptions.end({ partition: 1, instanceId: t, id: "f1" }),
    );
    await waits();
    await commit();
    await clearing;
  });
  // The look had only come half way, and moved its row.
  assert.equal(await s.count("inbox"), 64);
  assert.equal(await s.count("event_looks"), 0);
  assert.equal(await s.count("event_subscriptions"), 0);
});

test("a take-over waits for a match under way, and goes on behind it", async () => {
  const [t, u] = [target(1), target(2)];
  await s.commit((batch) => {
    wait(batch, t, 1, "f1", A);
    wait(batch, u, 2, "f1", B);
  });
  await s.look();
  await s.post(["s", "1", [A]]);
  let taken = false;
  await during("match_events", async (commit) => {
    const taking = (async () => {
      await s.take("other");
      taken = true;
    })();
    await s.post(["s", "2", [B]]);
    assert.equal(taken, false);
    await commit();
    await taking;
  });
  assert.equal(await s.match(), 1);
  assert.deepEqual(told(await s.mail()), [
    [t, "s", "1"],
    [u, "s", "2"],
  ]);
});
