import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { postgresEventStore } from "../../src/store/postgres/event-store.ts";
import { READERS } from "../../src/store/postgres/payload-sweep-store.ts";
import {
  catalogued,
  digestOf,
  HOUR,
  id,
  instance,
  mentioning,
  openStand,
  payload,
  reference,
  type Stand,
} from "./sweep-stand.ts";

let stand: Stand;
before(async () => {
  stand = await openStand();
});
after(() => stand.end());
beforeEach(() => stand.clear());

const sorted = (...digests: readonly string[]): readonly string[] => digests.toSorted();
const sweepAll = async (grace = HOUR) => (await stand.store.sweep(grace, undefined, 100)).swept;

test("what is neither kept nor referred to nor touched lately goes, and nothing else", async () => {
  const gone = await payload(stand, "nobody has it");
  const kept = await payload(stand, "a user has it", { kept: true });
  const young = await payload(stand, "somebody may be about to refer to it", { age: 1000 });
  const referred = await payload(stand, "an instance refers to it");
  await reference(stand, id(), referred);
  assert.deepEqual(await sweepAll(), [{ tenant: "default", digest: gone, size: 13 }]);
  assert.deepEqual(await catalogued(stand), sorted(kept, young, referred));
});

test("a sweep goes on where it came to, past what is referred to", async () => {
  const texts = Array.from({ length: 7 }, (_, n) => `payload ${n}`);
  const digests: string[] = [];
  for (const [n, text] of texts.entries())
    digests.push(await payload(stand, text, { age: 2 * HOUR + (n % 2) }));
  const referred = digests.slice(0, 4);
  for (const digest of referred) await reference(stand, id(), digest);
  const swept: string[] = [];
  let steps = 0;
  for (let next: Parameters<typeof stand.store.sweep>[1]; ; ) {
    const step = await stand.store.sweep(HOUR, next, 2);
    steps += 1;
    swept.push(...step.swept.map(({ digest }) => digest));
    next = step.next;
    if (next === undefined) break;
  }
  assert.equal(steps, 4);
  assert.deepEqual(swept.toSorted(), digests.slice(4).toSorted());
  assert.deepEqual(await catalogued(stand), sorted(...referred));
});

test("what a swept payload has in stores is left over, for readers to end first", async () => {
  await payload(stand, "large", { at: ["s3", "key-1"], mirror: ["directory", "key-2"] });
  assert.equal((await sweepAll()).length, 1);
  const { rows } = await stand.pool.query(
    `SELECT store, location, due_at - now_ms() > ${READERS - 60_000} AS later, sweeping FROM payload_leftovers ORDER BY store`,
  );
  assert.deepEqual(rows, [
    { store: "directory", location: "key-2", later: true, sweeping: false },
    { store: "s3", location: "key-1", later: true, sweeping: false },
  ]);
  assert.deepEqual(await stand.store.takeLeftovers(["s3", "directory"], HOUR, 10), []);
});

test("what was kept for a time is released when the time is over, and swept after the grace period", async () => {
  const over = await payload(stand, "over", { kept: true, expiresIn: -1 });
  const later = await payload(stand, "later", { kept: true, expiresIn: HOUR });
  const recent = await payload(stand, "over, but put just now", {
    kept: true,
    expiresIn: -1,
    age: 0,
  });
  assert.deepEqual(await sweepAll(), []);
  assert.equal(await stand.store.expire(1), 1);
  assert.equal(await stand.store.expire(10), 1);
  assert.equal(await stand.store.expire(10), 0);
  assert.deepEqual(
    (await sweepAll()).map(({ digest }) => digest),
    [over],
  );
  assert.deepEqual(await catalogued(stand), sorted(later, recent));
});

test("a leftover that is due is taken once, and again when it was not deleted", async () => {
  const due = (store: string, location: string, dueIn: number) =>
    stand.pool.query(
      "INSERT INTO payload_leftovers (store, location, due_at) VALUES ($1, $2, now_ms() + $3::bigint)",
      [store, location, dueIn],
    );
  await due("s3", "a", -2);
  await due("s3", "b", -1);
  await due("s3", "an upload under way", HOUR);
  await due("elsewhere", "c", -1);
  const { store } = stand;
  assert.equal(await store.countLeftovers(100), 3);
  assert.deepEqual(await store.takeLeftovers(["s3"], HOUR, 1), [{ store: "s3", location: "a" }]);
  assert.deepEqual(await store.takeLeftovers(["s3"], -1, 9), [{ store: "s3", location: "b" }]);
  assert.deepEqual(await store.takeLeftovers(["s3"], HOUR, 9), [{ store: "s3", location: "b" }]);
  assert.deepEqual(await store.takeLeftovers(["s3"], HOUR, 9), []);
  await store.forgetLeftovers([{ store: "s3", location: "a" }]);
  const { rows } = await stand.pool.query(
    "SELECT location FROM payload_leftovers WHERE sweeping ORDER BY location",
  );
  assert.deepEqual(rows, [{ location: "b" }]);
  assert.equal(await store.countLeftovers(100), 2);
  assert.equal(await store.countLeftovers(1), 1);
});

test("a blob is known by its payload, its mirror or its leftover", async () => {
  await payload(stand, "large", { at: ["s3", "one"], mirror: ["directory", "two"] });
  await stand.pool.query("INSERT INTO payload_leftovers VALUES ('s3', 'three', 0)");
  const keys = ["one", "two", "three", "four"];
  assert.deepEqual(await stand.store.knownLocations("s3", keys), new Set(["one", "three"]));
  assert.deepEqual(await stand.store.knownLocations("directory", keys), new Set(["two"]));
});

test("one of many begins a round, and another when the pause is over or the clock was set back", async () => {
  const { store, pool } = stand;
  const tries = await Promise.all(Array.from({ length: 6 }, () => store.beginRound("look", HOUR)));
  assert.equal(tries.filter(Boolean).length, 1);
  assert.equal(await store.beginRound("another", HOUR), true);
  await pool.query("UPDATE payload_rounds SET began_at = began_at - $1::bigint", [HOUR]);
  assert.equal(await store.beginRound("look", HOUR), true);
  await pool.query("UPDATE payload_rounds SET began_at = now_ms() + $1::bigint", [HOUR]);
  assert.equal(await store.beginRound("look", HOUR), true);
});

test("a payload is mentioned in any text of an instance", async () => {
  const texts = ["state", "facts", "activities", "history", "inbox", "request", "nothing"];
  const digests = texts.map(digestOf);
  for (const text of texts) await payload(stand, text);
  const [state = "", facts = "", activities = "", history = "", inbox = "", request = ""] =
    digests.map((digest) => mentioning(digest));
  const of = await instance(stand, { state, facts: `${facts},`, activities: `[${activities}]` });
  const { pool } = stand;
  await pool.query("INSERT INTO history VALUES (3, $1, 1, 1, $2)", [of, `[${history}]`]);
  await pool.query("INSERT INTO inbox VALUES (3, $1, $2, $3)", [
    id(),
    of,
    JSON.stringify({ command: JSON.parse(inbox), text: inbox }),
  ]);
  await pool.query("INSERT INTO activities VALUES (3, $1, 'a', 1, 1, 'call:http', $2, 1)", [
    of,
    request,
  ]);
  for (const digest of digests) await reference(stand, of, digest);
  const look = await stand.store.lookAt(of, HOUR);
  assert.deepEqual(
    look.unmentioned.map(({ digest }) => digest),
    [digestOf("nothing")],
  );
  assert.equal(look.revision, 1);
  assert.equal(look.settled, false);
  assert.equal(await stand.store.dropRefs(look.unmentioned), 1);
  assert.deepEqual((await stand.store.lookAt(of, HOUR)).unmentioned, []);
});

test("digests that stand in a text of a user's, without references, count for nothing", async () => {
  const digest = await payload(stand, "x");
  const of = await instance(stand, { state: JSON.stringify({ input: { hash: digest } }) });
  await reference(stand, of, digest);
  assert.equal((await stand.store.lookAt(of, HOUR)).unmentioned.length, 1);
});

test("an instance that ended, and one that never was, are looked at as well", async () => {
  const [first, second] = [await payload(stand, "1"), await payload(stand, "2")];
  const ended = await instance(stand, {
    state: mentioning(first),
    ended: { status: "completed", age: 1 },
  });
  const never = id();
  for (const holder of [ended, never])
    for (const digest of [first, second]) await reference(stand, holder, digest);
  const unmentioned = async (of: string) =>
    (await stand.store.lookAt(of, HOUR)).unmentioned.map(({ digest }) => digest);
  assert.deepEqual(await unmentioned(ended), [second]);
  assert.deepEqual((await unmentioned(never)).toSorted(), sorted(first, second));
  assert.deepEqual((await stand.store.lookAt(never, HOUR)).revision, undefined);
});

test("a reference that was written again since it was seen stays", async () => {
  const digest = await payload(stand, "x");
  const holder = id();
  await reference(stand, holder, digest);
  const { unmentioned } = await stand.store.lookAt(holder, HOUR);
  await stand.pool.query("UPDATE payload_refs SET at = at + 1");
  assert.equal(await stand.store.dropRefs(unmentioned), 0);
  assert.equal((await sweepAll()).length, 0);
});

test("young references are left alone", async () => {
  const digest = await payload(stand, "x");
  const holder = id();
  await reference(stand, holder, digest, "instance", 1000);
  assert.deepEqual((await stand.store.lookAt(holder, HOUR)).unmentioned, []);
  assert.deepEqual(await stand.store.holders("", 10, HOUR), { due: [] });
  assert.deepEqual(await stand.store.holders("", 10, 0), {
    due: [{ holder, kind: "instance" }],
  });
});

test("holders are gone through in order, and one that was looked at is due when it has changed", async () => {
  const { store, pool } = stand;
  const digest = await payload(stand, "x");
  const holders: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const holder = await instance(stand, { state: mentioning(digest) });
    await reference(stand, holder, digest);
    holders.push(holder);
  }
  const first = await store.holders("", 3, HOUR);
  assert.deepEqual(
    first.due.map(({ holder }) => holder),
    holders.slice(0, 3),
  );
  const second = await store.holders(first.next ?? "", 3, HOUR);
  assert.deepEqual(
    second.due.map(({ holder }) => holder),
    holders.slice(3),
  );
  assert.equal(second.next, undefined);
  for (const holder of holders) {
    const { unmentioned, ...look } = await store.lookAt(holder, HOUR);
    assert.deepEqual(unmentioned, []);
    await store.mark(holder, look);
  }
  const due = async () => (await store.holders("", 9, HOUR)).due.map(({ holder }) => holder);
  assert.deepEqual(await due(), []);
  // Only what has changed, and not before the grace period is over once more.
  await pool.query("UPDATE instances SET revision = 2 WHERE id = $1", [holders[1]]);
  assert.deepEqual(await due(), []);
  await pool.query("UPDATE payload_marks SET marked_at = marked_at - $1::bigint", [HOUR]);
  assert.deepEqual(await due(), [holders[1]]);
  await pool.query("UPDATE payload_marks SET settled = false WHERE holder = $1", [holders[2]]);
  assert.deepEqual(await due(), holders.slice(1, 3));
  await reference(stand, holders[4] ?? "", await payload(stand, "y"), "instance", 0);
  assert.deepEqual(await due(), [...holders.slice(1, 3), holders[4]]);
  await pool.query("DELETE FROM payload_refs WHERE holder <> $1", [holders[0]]);
  await store.pruneMarks();
  const { rows } = await pool.query("SELECT holder FROM payload_marks");
  assert.deepEqual(rows, [{ holder: holders[0] }]);
});

test("references of events and checkpoints that are gone, or replaced, are lost", async () => {
  const { store, pool } = stand;
  const [older, newer] = [await payload(stand, "older"), await payload(stand, "newer")];
  const [there, gone] = [id(), id()];
  await pool.query(
    "INSERT INTO events (partition, id, tenant, direction, source, event_id, type, event, at) VALUES (3, $1, 'default', 'received', 's', 'e', 't', '{}', 1)",
    [there],
  );
  for (const holder of [there, gone]) await reference(stand, holder, older, "event");
  assert.deepEqual(
    (await store.lostHolders("event", [there, gone], HOUR)).map(({ holder }) => holder),
    [gone],
  );
  const chain = `${id()}/a/b`;
  const [of = ""] = chain.split("/");
  await pool.query(
    "INSERT INTO activity_checkpoints (partition, instance_id, chain, tenant, attempt, number, level, digest, at) VALUES (3, $1, 'a/b', 'default', 1, 1, 'data', decode($2, 'hex'), 1)",
    [of, newer],
  );
  for (const digest of [older, newer]) await reference(stand, chain, digest, "checkpoint");
  const lost = await store.lostHolders("checkpoint", [chain], HOUR);
  assert.deepEqual(
    lost.map(({ holder, digest }) => [holder, digest]),
    [[chain, older]],
  );
  assert.equal(await store.dropRefs(lost), 1);
});

test("an event that is forgotten lets go of its payloads, and of nothing else", async () => {
  const { pool } = stand;
  const digest = await payload(stand, "x");
  const [old, other] = [id(), id()];
  await pool.query(
    `INSERT INTO events (partition, id, tenant, direction, source, event_id, type, event, at)
     VALUES (3, $1, 'default', 'received', 's', 'e', 't', $2, 1)`,
    [old, mentioning(digest)],
  );
  await reference(stand, old, digest, "event");
  await reference(stand, other, digest);
  assert.equal(await postgresEventStore(pool).pruneEvents([2, 3], HOUR, 10), 1);
  const { rows } = await pool.query("SELECT holder FROM payload_refs");
  assert.deepEqual(rows, [{ holder: other }]);
});

test("checkpoints go with the end of their instance, of a faulted one when it was kept for a retry", async () => {
  const { store, pool } = stand;
  const digest = await payload(stand, "x");
  const states = [undefined, "completed", "cancelled", "faulted", "faulted long ago"];
  const chains = new Map<string, string>();
  for (const state of states) {
    const ended =
      state === undefined
        ? {}
        : { ended: { status: state.split(" ")[0] ?? "", age: state.includes(" ") ? 2 * HOUR : 0 } };
    const of = await instance(stand, ended);
    chains.set(`${of}/chain`, state ?? "live");
    await pool.query(
      "INSERT INTO activity_checkpoints (partition, instance_id, chain, tenant, attempt, number, level, digest, at) VALUES (3, $1, 'chain', 'default', 1, 1, 'data', decode($2, 'hex'), 1)",
      [of, digest],
    );
    await reference(stand, `${of}/chain`, digest, "checkpoint");
  }
  assert.equal(await store.pruneCheckpoints(HOUR, 2), 2);
  assert.equal(await store.pruneCheckpoints(HOUR, 9), 1);
  assert.equal(await store.pruneCheckpoints(HOUR, 9), 0);
  const { rows } = await pool.query<{ holder: string }>(
    "SELECT holder FROM payload_refs ORDER BY holder",
  );
  assert.deepEqual(
    rows.map(({ holder }) => chains.get(holder)),
    ["live", "faulted"],
  );
});
