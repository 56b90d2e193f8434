import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { newId } from "@millrace/protocol";
import { StoreError } from "../../src/store/store.ts";
import { bucket, HOUR, type Mail, type Stand, stand, target, told, wait } from "./stand.ts";

let s: Stand;
before(async () => {
  s = await stand();
});
after(() => s.close());
beforeEach(async () => {
  await s.pool.query(
    "TRUNCATE events, event_keys, event_queue, event_subscriptions, event_looks, event_deliveries, inbox",
  );
  await s.take();
});

const A = bucket("a");
const B = bucket("b");

test("an event reaches who waits, once, whether it comes before the wait or after", async () => {
  const t = target(1);
  await s.post(["s", "early", [A]]);
  assert.equal(await s.match(), 0);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.post(["s", "between", [A]]);
  // Not looked for yet: the match leaves it to the look.
  assert.equal(await s.match(), 0);
  assert.equal(await s.look(), 2);
  await s.post(["s", "late", [A]]);
  assert.equal(await s.match(), 1);
  assert.equal(await s.look(), 0);
  assert.deepEqual(told(await s.mail()), [
    [t, "s", "early"],
    [t, "s", "between"],
    [t, "s", "late"],
  ]);
  assert.equal(await s.count("event_queue"), 0);
  assert.equal(await s.count("event_looks"), 0);
});

test("duplicates are known by source and id, also within a batch, and reach nobody", async () => {
  const t = target(1);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.look();
  assert.equal(await s.post(["s", "1", [A]], ["s", "1", [A]], ["r", "1", [A]]), 2);
  assert.equal(await s.post(["s", "1", [A]]), 0);
  assert.equal(await s.match(), 2);
});

test("an event in two buckets of one target comes once", async () => {
  const t = target(2);
  await s.commit((batch) => wait(batch, t, 2, "f1", A, B));
  await s.post(["s", "1", [A, B]]);
  assert.equal(await s.look(), 1);
  await s.post(["s", "2", [A, B]]);
  assert.equal(await s.match(), 1);
});

test("a returned event comes again when it is waited for again, and a consumed one does not", async () => {
  const t = target(3);
  await s.post(["s", "1", [A]], ["s", "2", [A]]);
  await s.commit((batch) => wait(batch, t, 3, "f1", A));
  await s.look();
  const [first, second] = (await s.mail()).map(({ id, command }) => ({
    id,
    seq: (JSON.parse(command) as Mail).command.seq,
  }));
  assert.ok(first !== undefined && second !== undefined);
  await s.commit((batch) => {
    batch.consume({ partition: 3, id: first.id }, true);
    batch.consume({ partition: 3, id: second.id }, true);
    batch.returned.push({ targetId: t, seq: second.seq });
    batch.subscriptions.end({ partition: 3, instanceId: t, id: "f1" });
  });
  assert.equal(await s.count("event_subscriptions"), 0);
  await s.commit((batch) => wait(batch, t, 3, "f2", A));
  assert.equal(await s.look(), 1);
  assert.deepEqual(told(await s.mail()), [[t, "s", "2"]]);
});

test("an event's mail is consumed once, or the batch is refused", async () => {
  const t = target(0);
  await s.commit((batch) => wait(batch, t, 0, "f1", A));
  await s.post(["s", "1", [A]]);
  await s.look();
  const [mail] = await s.mail();
  assert.ok(mail !== undefined);
  const { id, partition } = mail;
  assert.deepEqual(await s.store.unconsumed([{ id, partition }]), new Set([id]));
  await s.commit((batch) => void batch.consume({ id, partition }, true));
  assert.deepEqual(await s.store.unconsumed([{ id, partition }]), new Set());
  await assert.rejects(
    s.commit((batch) => void batch.consume({ id, partition }, true)),
    (error) => error instanceof StoreError && error.kind === "conflict",
  );
});

test("ids of mails sort by time among ids, and by event among their like", async () => {
  const t = target(1);
  const { rows } = await s.pool.query<{ a: string; b: string; c: string }>(
    "SELECT mail_id(1000, 9, $1) AS a, mail_id(1000, 10, $1) AS b, mail_id(1001, 1, $1) AS c",
    [t],
  );
  const [row] = rows;
  assert.ok(row !== undefined);
  const before = newId(0, 999, new Uint8Array(10).fill(255));
  const behind = newId(0, 1002, new Uint8Array(10));
  assert.deepEqual([behind, row.c, row.b, row.a, before].toSorted(), [
    before,
    row.a,
    row.b,
    row.c,
    behind,
  ]);
});

test("an event before `since`, or older than what is kept, is not looked for", async () => {
  const [t, u] = [target(1), target(1)];
  await s.post(["s", "1", [A]]);
  const { rows } = await s.pool.query<{ at: string }>("SELECT max(at) AS at FROM events");
  const since = Number(rows[0]?.at) + 1;
  await s.commit((batch) => wait(batch, t, 1, "f1", { bucket: A, since }));
  assert.equal(await s.look(), 0);
  await s.pool.query("UPDATE event_keys SET at = at - 1000");
  await s.commit((batch) => wait(batch, u, 1, "f1", A));
  assert.equal(await s.look(500), 0);
});

test("a bucket where many wait is gone through in stretches, in the order of the events", async () => {
  const targets = Array.from({ length: 120 }, () => target(1));
  await s.commit((batch) => {
    for (const t of targets) wait(batch, t, 1, "f1", A);
  });
  await s.look();
  await s.post(["s", "1", [A]], ["s", "2", [A]]);
  const sent: number[] = [];
  for (let all = 0; all < 240; ) {
    const now = await s.match();
    sent.push(now);
    all += now;
  }
  assert.ok(sent.length > 2, `stretches of ${sent.join(", ")}`);
  const mail = told(await s.mail());
  assert.equal(mail.length, 240);
  for (const t of targets)
    assert.deepEqual(
      mail.filter(([to]) => to === t).map(([, , id]) => id),
      ["1", "2"],
    );
  assert.equal(await s.count("event_queue"), 0);
});

test("a look at many kept events goes on when the target has dealt with the first of them", async () => {
  const t = target(2);
  const names = Array.from({ length: 150 }, (_, n) => `${n}`);
  await s.post(...names.map((name) => ["s", name, [A]] as const));
  while ((await s.count("event_queue")) > 0) await s.match();
  await s.commit((batch) => wait(batch, t, 2, "f1", A));
  const all: string[] = [];
  for (let passes = 0; passes < 10; passes += 1) {
    await s.look();
    // Nothing more comes before what came is consumed.
    assert.equal(await s.look(), 0);
    const mail = await s.mail();
    all.push(...told(mail).map(([, , id]) => id));
    await s.commit((batch) => {
      for (const { partition, id } of mail) batch.consume({ partition, id }, true);
    });
  }
  assert.deepEqual(all, names);
  assert.equal(await s.count("event_looks"), 0);
});

test("an event that is committed behind where a look has come is matched", async () => {
  const t = target(2);
  await s.post(...Array.from({ length: 100 }, (_, n) => ["s", `${n}`, [A]] as const));
  while ((await s.count("event_queue")) > 0) await s.match();
  await s.commit((batch) => wait(batch, t, 2, "f1", A));
  assert.equal(await s.look(), 64);
  // As when the transaction that received it took longer than those behind it.
  await s.post(["r", "slow", [A]]);
  await s.pool.query("UPDATE event_queue SET at = 1");
  await s.pool.query("UPDATE event_keys SET at = 1 WHERE seq = (SELECT max(seq) FROM events)");
  assert.equal(await s.match(), 1);
});

test("who has lost a partition neither matches nor looks there", async () => {
  const t = target(1);
  const old = await s.take("old");
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.post(["s", "1", [A]]);
  await s.take("new");
  const stale = (error: unknown) => error instanceof StoreError && error.kind === "stale-epoch";
  await assert.rejects(s.events.match(old, 0), stale);
  await assert.rejects(s.events.look(old, HOUR, 0), stale);
  // What was refused holds its locks for a moment longer.
  while ((await s.count("event_looks")) > 0) await s.look();
  assert.deepEqual(told(await s.mail()), [[t, "s", "1"]]);
});

test("what is kept is pruned by age, and not before what is queued is matched", async () => {
  const t = target(1);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.look();
  await s.post(["s", "1", [A]]);
  await s.match();
  await s.post(["s", "2", [A]]);
  // The one that is queued is the older one now.
  for (const [table, hours] of Object.entries({
    event_keys: 3,
    event_deliveries: 3,
    event_queue: 4,
  }))
    await s.pool.query(`UPDATE ${table} SET at = at - ${hours * HOUR}`);
  assert.equal(await s.events.pruneKept(HOUR, 100), 0);
  await s.match();
  assert.equal(await s.events.pruneKept(HOUR, 100), 4);
  await s.post(["s", "3", [A]], ["s", "4", [A]]);
  await s.match();
  await s.pool.query("UPDATE event_keys SET at = 1");
  await s.pool.query("UPDATE event_deliveries SET at = 1");
  // At most so many of each.
  assert.equal(await s.events.pruneKept(HOUR, 1), 2);
  assert.equal(await s.events.pruneKept(HOUR, 100), 2);
  assert.equal(await s.events.pruneEvents([0, 1, 2, 3], HOUR, 100), 0);
  assert.equal(await s.events.pruneEvents([0, 1, 2, 3], -HOUR, 100), 4);
});

/** As when everything was down for that long: what happened before is as much older. */
async function outage(milliseconds: number): Promise<void> {
  for (const table of ["event_keys", "event_queue", "event_deliveries"])
    await s.pool.query(`UPDATE ${table} SET at = at - ${milliseconds}`);
  await s.pool.query(`UPDATE event_looks SET made_at = made_at - ${milliseconds}`);
}

test("an outage longer than the keep time loses nothing that came after the wait", async () => {
  const t = target(1);
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.post(["s", "1", [A]]);
  await outage(3 * HOUR);
  // The match leaves it to the look; what the look may find is not pruned before.
  assert.equal(await s.match(), 0);
  assert.equal(await s.events.pruneKept(HOUR, 100), 0);
  assert.equal(await s.look(), 1);
  assert.deepEqual(told(await s.mail()), [[t, "s", "1"]]);
  // The key and the mark.
  assert.equal(await s.events.pruneKept(HOUR, 100), 2);
});

test("what was not matched for longer than the keep time comes before what is newer", async () => {
  const [t, u] = [target(1), target(1)];
  await s.commit((batch) => wait(batch, t, 1, "f1", A));
  await s.post(["s", "1", [A]]);
  await outage(3 * HOUR);
  await s.post(["s", "2", [A]]);
  await s.commit((batch) => wait(batch, u, 1, "f1", A));
  assert.equal(await s.look(), 4);
  assert.equal(await s.match(), 0);
  const ids = (of: string, mail: readonly (readonly [string, string, string])[]) =>
    mail.filter(([to]) => to === of).map(([, , id]) => id);
  const mail = told(await s.mail());
  assert.deepEqual(
    [ids(t, mail), ids(u, mail)],
    [
      ["1", "2"],
      ["1", "2"],
    ],
  );
});
