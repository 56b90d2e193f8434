import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newId } from "@millrace/protocol";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { postgresCoordinator, setUpPartitions } from "../src/cluster/postgres-coordinator.ts";
import { BatchBuilder } from "../src/owner/builder.ts";
import { migrate } from "../src/store/postgres/migrate.ts";
import { postgresOwnerStore } from "../src/store/postgres/owner-store.ts";
import {
  type Epoch,
  type InstanceRow,
  type OwnerStore,
  StoreError,
  type ScheduleRow,
  type StoreErrorKind,
} from "../src/store/store.ts";

const PARTITIONS = 8;
const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
let database: TestDatabase;
let pool: pg.Pool;
let store: OwnerStore;
let made = 0;

before(async () => {
  database = await createDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 6, pipeline: true });
  const client = await pool.connect();
  await migrate(client);
  client.release();
  await setUpPartitions(pool, PARTITIONS);
  store = postgresOwnerStore(pool);
});
after(async () => {
  await pool.end();
  await database.drop();
});

const coordinator = (node: string, ttl = 60_000) => postgresCoordinator(pool, { node, ttl });
const refused = (kind: StoreErrorKind) => (error: unknown) =>
  error instanceof StoreError && error.kind === kind;
const epochsOf = (held: readonly Epoch[]) => {
  const epochs = new Map(held.map(({ partition, epoch }) => [partition, epoch]));
  return (partition: number) => epochs.get(partition) ?? -1;
};

function instance(partition: number): InstanceRow {
  made += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(0, made);
  return {
    id: newId(partition, 1, random),
    partition,
    tenant: "default",
    namespace: "test",
    name: "x",
    version: "1.0.0",
    status: "running",
    priority: 2,
    revision: 1,
    seq: 1,
    state: "{}",
    createdAt: 1,
    updatedAt: 1,
  };
}

function creating(...rows: readonly InstanceRow[]): BatchBuilder {
  const batch = new BatchBuilder();
  for (const row of rows) {
    batch.created.push(row);
    const { partition, id: instanceId } = row;
    const event = { kind: "workflow.started", seq: 1, at: 1, input: null } as const;
    batch.history.push({ partition, instanceId, events: [event] });
  }
  return batch;
}

const exist = async (...rows: readonly InstanceRow[]): Promise<number> =>
  (await store.loadInstances(rows.map((row) => row.id))).length;

test("migrations run again change nothing, and a changed one is refused", async () => {
  const client = await pool.connect();
  try {
    await migrate(client);
    await client.query("UPDATE migrations SET checksum = 'other' WHERE name LIKE '0001%'");
    await assert.rejects(migrate(client), /0001-tables.sql has changed/);
    await client.query("DELETE FROM migrations WHERE name LIKE '0001%'");
    await client.query("INSERT INTO migrations (name, checksum) VALUES ('9999-later.sql', '')");
    await assert.rejects(migrate(client), /newer than this program/);
  } finally {
    client.release();
  }
});

test("a batch of which one partition is stale is refused whole", async () => {
  const first = await coordinator("a").acquire(ALL, true);
  await coordinator("b").acquire([3], true);
  const [kept, lost] = [instance(2), instance(3)];
  const batch = creating(kept, lost).build(epochsOf(first));
  await assert.rejects(store.commit(batch), refused("stale-epoch"));
  assert.equal(await exist(kept, lost), 0);
  await store.commit(creating(kept).build(epochsOf(first)));
  assert.equal(await exist(kept), 1);
});

test("a lease is not taken while it lasts, and is when it has ended, at a higher epoch", async () => {
  const first = await coordinator("a", 60_000).acquire([1], true);
  assert.deepEqual(await coordinator("b").acquire([1], false), []);
  assert.deepEqual(await coordinator("a").renew(first), first);
  await coordinator("a").release(first);
  const second = await coordinator("b", -1).acquire([1], false);
  const third = await coordinator("c").acquire([1], false);
  assert.ok((third[0]?.epoch ?? 0) > (second[0]?.epoch ?? 0));
  assert.ok((second[0]?.epoch ?? 0) > (first[0]?.epoch ?? 0));
  assert.deepEqual(await coordinator("b").renew(second), []);
});

test("a take-over waits for a transaction of the owner before, and sees what it wrote", async () => {
  const [held] = await coordinator("a").acquire([5], true);
  assert.ok(held !== undefined);
  const slow = await pool.connect();
  await slow.query("BEGIN");
  await slow.query("SELECT check_epochs($1::int[], $2::bigint[])", [[5], [held.epoch]]);
  let taken = false;
  const taking = coordinator("b")
    .acquire([5], true)
    .then((epochs) => {
      taken = true;
      return epochs;
    });
  await waitsForLock();
  assert.equal(taken, false);
  await slow.query("UPDATE partitions SET owner = owner WHERE false");
  await slow.query("COMMIT");
  slow.release();
  const [next] = await taking;
  assert.equal(next?.epoch, held.epoch + 1);
});

/** Resolves when some connection waits for an advisory lock. */
async function waitsForLock(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `SELECT 1 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
       WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()`,
    );
    if (rows.length > 0) return;
  }
}

test("an update on a stale reading is refused, and so is the same fact twice", async () => {
  const held = epochsOf(await coordinator("a").acquire(ALL, true));
  const [row, other] = [instance(0), instance(0)];
  await store.commit(creating(row).build(held));
  const fact = (seq: number) => ({
    partition: 0,
    instanceId: row.id,
    events: [{ kind: "workflow.suspended", seq, at: 1 } as const],
  });
  const update = (revision: number): BatchBuilder => {
    const batch = creating(other);
    batch.updated.push({ ...row, revision, seq: 2 });
    batch.history.push(fact(2));
    return batch;
  };
  await assert.rejects(store.commit(update(3).build(held)), refused("conflict"));
  assert.equal(await exist(other), 0);
  await store.commit(update(2).build(held));
  const again = new BatchBuilder();
  again.updated.push({ ...row, revision: 3, seq: 2 });
  again.history.push(fact(2));
  await assert.rejects(store.commit(again.build(held)), refused("conflict"));
  await assert.rejects(store.commit(creating(row).build(held)), refused("conflict"));
});

test("what comes late does not meet a schedule that was made anew under its name since", async () => {
  const held = epochsOf(await coordinator("a").acquire(ALL, true));
  const { id } = instance(0);
  const made = (createdAt: number): ScheduleRow => ({
    partition: 0,
    id,
    tenant: "default",
    name: "nightly",
    namespace: "test",
    workflow: "x",
    revision: 1,
    paused: false,
    state: "{}",
    createdAt,
    updatedAt: createdAt,
  });
  const commit = (rows: Partial<Pick<BatchBuilder, "schedules" | "deletedSchedules">>) => {
    const batch = new BatchBuilder();
    batch.schedules.push(...(rows.schedules ?? []));
    batch.deletedSchedules.push(...(rows.deletedSchedules ?? []));
    return store.commit(batch.build(held));
  };
  await commit({ schedules: [made(1)] });
  await commit({ deletedSchedules: [made(1)] });
  await commit({ schedules: [made(2)] });
  await assert.rejects(commit({ deletedSchedules: [made(1)] }), refused("conflict"));
  const changed = (inPlaceOf: number) => ({ ...made(2), revision: 2, paused: true, inPlaceOf });
  await assert.rejects(commit({ schedules: [changed(1)] }), refused("conflict"));
  await commit({ schedules: [changed(2)] });
  const [row] = await store.loadSchedules([id]);
  assert.deepEqual([row?.revision, row?.paused, row?.createdAt], [2, true, 2]);
});

test("the database refuses a timer that is taken up before its time", async () => {
  const held = epochsOf(await coordinator("a").acquire(ALL, true));
  const row = instance(4);
  const { rows } = await pool.query<{ now: string }>("SELECT now_ms() AS now");
  const later = Number(rows[0]?.now) + 3_600_000;
  const set = creating(row);
  const timer = { partition: 4, instanceId: row.id, timerId: "w1", fireAt: later };
  set.timers.add(row.id, "w1", timer);
  await store.commit(set.build(held));
  const fire = new BatchBuilder();
  fire.timers.end({ partition: 4, instanceId: row.id, id: "w1", fireAt: later });
  fire.latestDue = later;
  await assert.rejects(store.commit(fire.build(held)), refused("conflict"));
  assert.deepEqual(await store.dueTimers([4], 0, later, 10), [timer]);
  assert.deepEqual(await store.dueTimers([4], 0, later - 1, 10), []);
});

test("firing a timer that was set again since leaves the new one", async () => {
  const held = epochsOf(await coordinator("a").acquire(ALL, true));
  const row = instance(6);
  const timer = (fireAt: number) => ({ partition: 6, instanceId: row.id, timerId: "r1", fireAt });
  const set = creating(row);
  set.timers.add(row.id, "r1", timer(2000));
  await store.commit(set.build(held));
  const fire = new BatchBuilder();
  fire.timers.end({ partition: 6, instanceId: row.id, id: "r1", fireAt: 1000 });
  await store.commit(fire.build(held));
  assert.deepEqual(await store.dueTimers([6], 0, 5000, 10), [timer(2000)]);
});

test("activities of an earlier epoch are delivered again once, one attempt higher", async () => {
  const first = await coordinator("a").acquire([7], true);
  const row = instance(7);
  const batch = creating(row);
  const { id: instanceId } = row;
  const activity = {
    partition: 7,
    instanceId,
    activityId: "1",
    attempt: 1,
    type: "call:http",
  } as const;
  batch.activities.add(instanceId, "1", { ...activity, request: "{}" });
  await store.commit(batch.build(epochsOf(first)));
  assert.deepEqual(await store.redeliverable(first, 10), []);
  const second = await coordinator("b").acquire([7], true);
  const third = await coordinator("c").acquire([7], true);
  await assert.rejects(store.redeliverable(second, 10), /another owner/);
  assert.deepEqual(await store.redeliverable(third, 10), [
    { ...activity, attempt: 2, request: "{}" },
  ]);
  assert.deepEqual(await store.redeliverable(third, 10), []);
});

test("an instance is an orphan when nothing will wake it", async () => {
  const held = epochsOf(await coordinator("a").acquire(ALL, true));
  const [before, orphan, waiting, suspended] = [instance(1), instance(1), instance(1), instance(1)];
  const batch = creating(orphan, waiting, { ...suspended, status: "suspended" });
  const { id: instanceId } = waiting;
  batch.timers.add(instanceId, "w1", { partition: 1, instanceId, timerId: "w1", fireAt: 1 });
  await store.commit(batch.build(held));
  const look = async (after: string) => {
    const { orphans, next } = await store.orphans([1], after, 2);
    return { ids: orphans.map((row) => row.id), next };
  };
  const first = await look(before.id);
  assert.deepEqual(first, { ids: [orphan.id], next: waiting.id });
  assert.deepEqual(await look(first.next), { ids: [], next: "" });
});
