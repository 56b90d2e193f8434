import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decide } from "@millrace/engine";
import { newId, partitionOf } from "@millrace/protocol";
import { silentLogger } from "../src/logger.ts";
import { systemClock } from "../src/clock.ts";
import type { Entry, Outcome } from "../src/owner/entry.ts";
import { mailIds } from "../src/owner/mail-ids.ts";
import { reconciler } from "../src/owner/reconciler.ts";
import { type Batch, StoreError } from "../src/store/store.ts";
import { document, HELLO } from "./harness.ts";
import { type Bench, bench, PARTITIONS, submit } from "./owner-harness.ts";

const SLOW = `${document("slow")}\ndo: [ { w: { wait: PT1H } } ]`;
const of = (name: string) => ({ tenant: "default", namespace: "test", name, version: "1.0.0" });

function starting(name: string): Omit<Entry, "done" | "fail"> {
  const partition = Math.floor(Math.random() * PARTITIONS);
  const instanceId = newId(partition, Date.now(), randomBytes(10));
  const command = { kind: "start", instanceId, input: {} } as const;
  return { instanceId, partition, command, start: { workflow: of(name) } };
}
const command = (instanceId: string, kind: "cancel" | "suspend" | "resume") => ({
  instanceId,
  partition: partitionOf(instanceId),
  command: { kind },
});

async function begin({ owner }: Bench, name: string): Promise<string> {
  const entry = starting(name);
  await submit(owner, entry);
  return entry.instanceId;
}
const rowOf = async ({ store }: Bench, id: string) => (await store.loadInstances([id]))[0];

test("starts that come together are committed together", async () => {
  const b = await bench([HELLO]);
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, () => submit(b.owner, starting("hello"))),
  );
  assert.ok(
    outcomes.every(({ kind, state }) => kind === "applied" && state?.status === "completed"),
  );
  const { commits, transitions, instancesCompleted } = b.owner.counters.counts;
  assert.ok(commits <= 20, `${commits} commits`);
  assert.deepEqual([transitions, instancesCompleted], [500, 500]);
  const { rows } = await b.pool.query(
    "SELECT count(*)::int AS n FROM finished WHERE facts_after = 0",
  );
  assert.equal(rows[0].n, 500);
  await b.close();
});

test("an unknown outcome that was written is not written twice", async () => {
  let broken = 0;
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      await commit(batch);
      if ((broken += 1) === 1) throw new StoreError("unknown", "the line was cut");
    },
  });
  const entry = starting("hello");
  const outcome = await submit(b.owner, entry);
  assert.equal(outcome.kind, "exists");
  assert.equal(b.told.unknown, 1);
  assert.equal((await rowOf(b, entry.instanceId))?.revision, 1);
  await b.close();
});

test("an unknown outcome that was not written is tried again", async () => {
  let broken = 0;
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      if ((broken += 1) === 1) throw new StoreError("unknown", "the line was cut");
      await commit(batch);
    },
  });
  assert.equal((await submit(b.owner, starting("hello"))).kind, "applied");
  await b.close();
});

test("a command whose caller has gone is given up, said so, and not written", async () => {
  const caller = { gone: false };
  const b = await bench([HELLO], {
    commit: async () => {
      caller.gone = true;
      throw new StoreError("unavailable", "away");
    },
  });
  const tried = starting("hello");
  await assert.rejects(submit(b.owner, { ...tried, caller }), /away/);
  const late = starting("hello");
  await assert.rejects(submit(b.owner, { ...late, caller }), /has gone/);
  for (const { instanceId } of [tried, late]) assert.equal(await rowOf(b, instanceId), undefined);
  await b.close();
});

test("a batch that is refused for one command goes through for the others", async () => {
  const bad = starting("hello");
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      if (batch.created.some((row) => row.id === bad.instanceId))
        throw new StoreError("conflict", "refused");
      await commit(batch);
    },
  });
  const failed = assert.rejects(submit(b.owner, bad), /refused/);
  const others = await Promise.all(
    Array.from({ length: 50 }, () => submit(b.owner, starting("hello"))),
  );
  assert.ok(others.every(({ kind }) => kind === "applied"));
  await failed;
  assert.equal(await rowOf(b, bad.instanceId), undefined);
  await b.close();
});

test("commands of an instance stay in order when a batch is tried again", async () => {
  let failing = false;
  const resumed: Promise<Outcome>[] = [];
  const b = await bench([SLOW], {
    commit: async (batch, commit) => {
      if (failing) {
        failing = false;
        resumed.push(submit(b.owner, command(id, "resume")));
        throw new StoreError("unavailable", "later");
      }
      await commit(batch);
    },
  });
  const id = await begin(b, "slow");
  failing = true;
  await submit(b.owner, command(id, "suspend"));
  await Promise.all(resumed);
  assert.equal(resumed.length, 1);
  assert.equal((await rowOf(b, id))?.status, "waiting");
  await b.close();
});

test("a partition that is lost while states are read is not decided on what was read", async () => {
  const batches: Batch[] = [];
  let retake = false;
  const b: Bench = await bench([SLOW], {
    commit: (batch, commit) => {
      batches.push(batch);
      return commit(batch);
    },
    loaded: async () => {
      if (!retake) return;
      retake = false;
      await b.take();
    },
  });
  const id = await begin(b, "slow");
  b.owner.forget(id);
  retake = true;
  assert.equal((await submit(b.owner, command(id, "cancel"))).kind, "applied");
  assert.equal(b.told.stale, 1);
  assert.equal((await rowOf(b, id))?.status, "cancelled");
  await b.close();
});

test("a node that stops while states are read leaves the command where it was", async () => {
  let stop = false;
  const b: Bench = await bench([SLOW], {
    loaded: async () => {
      if (stop) void b.owner.stop();
    },
  });
  const id = await begin(b, "slow");
  b.owner.forget(id);
  const partition = partitionOf(id);
  await b.pool.query("INSERT INTO inbox VALUES ($1, 'm', $2, '{}')", [partition, id]);
  stop = true;
  const submitted = submit(b.owner, { ...command(id, "cancel"), message: { partition, id: "m" } });
  await assert.rejects(submitted, StoreError);
  const { rowCount } = await b.pool.query("SELECT FROM inbox");
  assert.deepEqual([rowCount, (await rowOf(b, id))?.status], [1, "waiting"]);
  await b.close();
});

test("a command whose caller has gone is not tried again, and ends for who waits behind it", async () => {
  const caller = { gone: false };
  let away = 0;
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      if (caller.gone) return commit(batch);
      away += 1;
      if (away === 2) caller.gone = true;
      throw new StoreError("unavailable", "later");
    },
  });
  const entry = starting("hello");
  await assert.rejects(submit(b.owner, { ...entry, caller }), /later/);
  await assert.rejects(submit(b.owner, { ...starting("hello"), caller }), /gone/);
  assert.equal((await submit(b.owner, starting("hello"))).kind, "applied");
  assert.equal(away, 2);
  assert.equal(await rowOf(b, entry.instanceId), undefined);
  await b.close();
});

test("an instance the engine fails on ends with an error; one that cannot start says so", async () => {
  let broken = false;
  const b = await bench([SLOW], {
    decide: (...given) => {
      if (broken) throw new Error("a fault of ours");
      return decide(...given);
    },
  });
  const id = await begin(b, "slow");
  broken = true;
  assert.equal((await submit(b.owner, command(id, "suspend"))).state?.status, "faulted");
  const row = await rowOf(b, id);
  assert.match(row?.state ?? "", /a fault of ours/);
  assert.equal((await submit(b.owner, starting("slow"))).kind, "failed");
  await b.close();
});

test("a child that is cancelled as it is started ends cancelled, or never starts", async () => {
  const race = `${document("race")}
do:
  - f:
      fork:
        compete: true
        branches:
          - slow: { run: { workflow: { namespace: test, name: slow, version: '1.0.0' } } }
          - fast: { set: { won: true } }
`;
  const b = await bench([SLOW, race]);
  await Promise.all(Array.from({ length: 40 }, () => submit(b.owner, starting("race"))));
  await emptyInbox(b);
  const { rows } = await b.pool.query<{ name: string; status: string }>(
    "SELECT name, status FROM all_instances ORDER BY name",
  );
  for (const { name, status } of rows)
    assert.equal(status, name === "race" ? "completed" : "cancelled");
  await b.close();
});

async function emptyInbox(b: Bench): Promise<void> {
  for (;;) {
    await b.drainInbox();
    const { rows } = await b.pool.query("SELECT 1 FROM inbox LIMIT 1");
    if (rows.length === 0) return;
  }
}

test("messages of one sender sort as they were made, also when its clock is set back", () => {
  const mailId = mailIds(() => randomBytes(10));
  const ids = [7, 7, 7, 5, 6, 8, 8].map((now) => mailId(3, now));
  assert.deepEqual(ids.toSorted(), ids);
  assert.ok(ids.every((id) => partitionOf(id) === 3));
});

test("the reconciler ends an instance that nothing will wake, and tells its parent", async () => {
  const holder = `${document("holder")}
do: [ { c: { run: { workflow: { namespace: test, name: slow, version: '1.0.0' } } } } ]`;
  const b = await bench([SLOW, holder]);
  const parent = await begin(b, "holder");
  await emptyInbox(b);
  await b.pool.query("DELETE FROM timers");
  await b.pool.query(
    "UPDATE instances SET state = (state::jsonb || '{\"frames\": {}}')::text WHERE name = 'slow'",
  );
  await reconcile(b);
  await emptyInbox(b);
  const { rows } = await b.pool.query("SELECT status FROM all_instances");
  assert.deepEqual(rows, [{ status: "faulted" }, { status: "faulted" }]);
  assert.match((await rowOf(b, parent))?.state ?? "", /nothing was left that could wake/);
  assert.equal(b.owner.counters.counts.reconcilerRepairs, 1);
  await b.close();
});

test("the reconciler sets again the timers that a state waits for", async () => {
  const tried = `${document("tried")}
do:
  - t:
      try: [ { w: { wait: PT1H } } ]
      catch: { retry: { limit: { attempt: { duration: PT2H } } } }`;
  const b = await bench([SLOW, tried]);
  const id = await begin(b, "slow");
  await begin(b, "tried");
  const timers = "SELECT instance_id, timer_id, fire_at FROM timers ORDER BY timer_id, instance_id";
  const before = await b.pool.query(timers);
  assert.equal(before.rows.length, 3);
  await b.pool.query("DELETE FROM timers");
  await reconcile(b);
  assert.deepEqual((await b.pool.query(timers)).rows, before.rows);
  assert.equal((await rowOf(b, id))?.status, "waiting");
  await b.close();
});

test("a timer that fired goes, also when it was set anew since", async () => {
  const b = await bench([
    `${document("brief")}\ndo: [ { w: { wait: PT0.02S } }, { then: { wait: PT1H } } ]`,
  ]);
  const id = await begin(b, "brief");
  const { rows } = await b.pool.query("SELECT timer_id, fire_at FROM timers");
  const timerId: string = rows[0].timer_id;
  await sleep(50);
  const timer = {
    partition: partitionOf(id),
    instanceId: id,
    timerId,
    fireAt: Number(rows[0].fire_at) - 5,
  };
  const fired = { kind: "timer.fired", timerId } as const;
  const { kind } = await submit(b.owner, {
    instanceId: id,
    partition: timer.partition,
    command: fired,
    timer,
    tries: 1,
  });
  assert.equal(kind, "applied");
  const left = await b.pool.query("SELECT timer_id FROM timers");
  assert.equal(left.rows.length, 1);
  assert.notEqual(left.rows[0].timer_id, timerId);
  await b.close();
});

async function reconcile({ store, owner }: Bench): Promise<void> {
  const clock = systemClock();
  const databaseNow = (): number => clock.now() - 1000;
  await reconciler({
    store,
    clock,
    log: silentLogger,
    random: Math.random,
    interval: 1000,
    databaseNow,
    owner: () => owner,
  }).runOnce();
}

test("values too deep to be written end their instance, and nothing around it", async () => {
  const deep = `${document("deep")}
do: [ { d: { set: '\${ reduce range(6000) as $i (null; {a: .}) }' } } ]`;
  const slow = `${document("deeper")}
do:
  - w: { wait: PT0.001S }
  - d: { set: '\${ reduce range(6000) as $i (null; {a: .}) }' }`;
  const b = await bench([HELLO, deep, slow]);
  const [hello, first] = await Promise.all(
    ["hello", "deep"].map((name) => submit(b.owner, starting(name))),
  );
  assert.equal(hello?.state?.status, "completed");
  assert.equal(first?.state?.status, "faulted");
  assert.match(first?.state?.error?.detail ?? "", /nested more than 2000 deep/);
  const id = await begin(b, "deeper");
  const partition = partitionOf(id);
  const fire = { kind: "timer.fired", timerId: "w2" } as const;
  const { state } = await submit(b.owner, { instanceId: id, partition, command: fire });
  assert.equal(state?.status, "faulted");
  assert.equal((await rowOf(b, id))?.status, "faulted");
  await b.close();
});

test("what does not fit a batch goes while it commits", async () => {
  let waiting = 0;
  let most = 0;
  const b = await bench([HELLO], {
    commit: async (batch, commit) => {
      most = Math.max(most, (waiting += 1));
      await commit(batch);
      waiting -= 1;
    },
  });
  await Promise.all(Array.from({ length: 900 }, () => submit(b.owner, starting("hello"))));
  assert.ok(most > 1, `${most} batch under way at most`);
  await b.close();
});
