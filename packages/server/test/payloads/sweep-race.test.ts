/** The sweeper against those who store, refer to, keep and release the same payload: transactions in every order. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Client } from "pg";
import type { Look } from "../../src/payloads/sweep-store.ts";
import { referToPayloads } from "../../src/store/postgres/commit-payloads.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import {
  type Actor,
  Interleaver,
  type Outcome,
  poolOf,
  schedules,
  type Step,
} from "./interleave.ts";
import {
  catalogued,
  digestOf,
  id,
  instance,
  mentioning,
  openStand,
  payload,
  reference,
  type Stand,
  TENANT,
} from "./sweep-stand.ts";

const TEXT = "a value";
const DIGEST = digestOf(TEXT);
const KEY = { tenant: TENANT, digest: DIGEST };
const SMALL = { ...KEY, mediaType: "application/json", body: Buffer.from(TEXT) };

let stand: Stand;
let interleaver: Interleaver;
before(async () => {
  stand = await openStand();
  interleaver = new Interleaver(stand.url);
});
after(async () => {
  await interleaver.end();
  await stand.end();
});

const sql =
  (...texts: readonly string[]): Step =>
  async (client) => {
    for (const text of texts) await client.query(text);
  };
const catalogOn = (client: Client) => postgresCatalog(() => poolOf(client));
const commit = sql("COMMIT");

/** As the owner does: the value is stored, then a transaction refers to it. */
function engine(holder: string): Actor {
  const refer: Step = async (client) => {
    await client.query("BEGIN");
    const [statement] = referToPayloads([{ ...KEY, holder, kind: "instance" }]);
    const { name, text, values } = statement ?? assert.fail("no statement");
    await client.query({ name, text, values: [...values] });
  };
  const store: Step = (client) => catalogOn(client).store([SMALL]);
  return { name: "engine", steps: [store, refer, commit] };
}

/** `sweep_payloads`, taken apart. */
function sweeper(): Actor {
  let places: unknown;
  const lock: Step = async (client) => {
    await client.query("BEGIN");
    const { rows } = await client.query(
      "SELECT lock_untouched_payloads(ARRAY[$1::text], ARRAY[decode($2, 'hex')], 0)::text AS places",
      [TENANT, DIGEST],
    );
    places = rows[0].places;
  };
  const remove: Step = (client) =>
    client.query("SELECT * FROM delete_payloads($1::tid[], 0)", [places]);
  return { name: "sweeper", steps: [lock, remove, commit] };
}

const keep: Step = async (client) => {
  assert.equal((await catalogOn(client).keep([SMALL]))[0]?.row.kept, true);
};
const release: Step = (client) => catalogOn(client).release([KEY]);

interface Ends {
  readonly outcome: Outcome;
  readonly isThere: boolean;
  readonly referred: boolean;
  readonly kept: boolean;
}

async function ends(outcome: Outcome): Promise<Ends> {
  const { rows } = await stand.pool.query<{ kept: boolean }>("SELECT kept FROM payloads");
  const { rowCount } = await stand.pool.query("SELECT FROM payload_refs");
  const isThere = rows.length === 1;
  return { outcome, isThere, referred: rowCount === 1, kept: rows[0]?.kept === true };
}

/** Whether the engine was told that what it refers to is gone; then it decides again, and stores again. */
function conflicted({ engine: failure }: Outcome): boolean {
  if (failure === undefined) return false;
  assert.equal((failure as { code?: string }).code, "23503", failure.message);
  return true;
}

async function everyOrder(
  actors: () => readonly Actor[],
  prepare: () => Promise<void>,
): Promise<readonly Ends[]> {
  const all: Ends[] = [];
  for (const schedule of schedules(actors().map(({ steps }) => steps.length))) {
    await stand.clear();
    await prepare();
    all.push(await ends(await interleaver.run(actors(), schedule)));
  }
  return all;
}

test("a payload that is referred to is never swept, and none that is gone is referred to", async () => {
  for (const prepare of [async () => {}, async () => void (await payload(stand, TEXT))]) {
    const all = await everyOrder(() => [engine(id()), sweeper()], prepare);
    assert.equal(all.length, 20);
    for (const { outcome, isThere, referred } of all) {
      assert.equal(outcome["sweeper"], undefined);
      assert.equal(referred, !conflicted(outcome));
      assert.ok(isThere || !referred);
    }
    // The race was run, and not always won by the same.
    assert.ok(all.some(({ outcome }) => outcome["engine"] !== undefined));
    assert.ok(all.some(({ referred }) => referred));
  }
});

const sweepAtOnce: Step = (client) =>
  client.query("SELECT sweep_payloads(ARRAY[$1::text], ARRAY[decode($2, 'hex')], 0, 0)", [
    TENANT,
    DIGEST,
  ]);

test("two sweepers at once, and an engine: one deletes, none fails", async () => {
  const second: Actor = { name: "second", steps: [sweepAtOnce] };
  const all = await everyOrder(
    () => [engine(id()), sweeper(), second],
    async () => void (await payload(stand, TEXT)),
  );
  assert.equal(all.length, 140);
  for (const { outcome, isThere, referred } of all) {
    assert.equal(outcome["sweeper"] ?? outcome["second"], undefined);
    assert.equal(referred, !conflicted(outcome));
    assert.ok(isThere || !referred);
  }
});

test("what a user keeps while it is swept is kept", async () => {
  const user: Actor = { name: "user", steps: [keep] };
  const prepare = async () => void (await payload(stand, TEXT));
  const all = await everyOrder(() => [user, engine(id()), sweeper()], prepare);
  assert.equal(all.length, 140);
  for (const { outcome, isThere, kept, referred } of all) {
    assert.equal(outcome["user"] ?? outcome["sweeper"], undefined);
    assert.ok(isThere && kept);
    assert.equal(referred, !conflicted(outcome));
  }
});

test("what a user releases while it is referred to and swept stays for the reference alone", async () => {
  const user: Actor = { name: "user", steps: [release] };
  const all = await everyOrder(
    () => [user, engine(id()), sweeper()],
    async () => void (await payload(stand, TEXT, { kept: true })),
  );
  assert.equal(all.length, 140);
  for (const { outcome, isThere, kept, referred } of all) {
    assert.equal(outcome["user"] ?? outcome["sweeper"], undefined);
    assert.equal(kept, false);
    assert.equal(referred, !conflicted(outcome));
    assert.ok(isThere || !referred);
  }
  assert.ok(all.some(({ isThere }) => !isThere));
});

test("what a user keeps again is kept, whatever the sweeper is at", async () => {
  const user: Actor = { name: "user", steps: [keep, release, keep] };
  const all = await everyOrder(
    () => [user, sweeper()],
    async () => {},
  );
  for (const { outcome, isThere, kept } of all) {
    assert.deepEqual(outcome, { user: undefined, sweeper: undefined });
    assert.ok(isThere && kept);
  }
});

/** The look and the deletion of the sweeper are two transactions: nothing is locked while it reads. */
function remarker(holder: string): Actor {
  let seen: Look["unmentioned"] = [];
  const on = (client: Client) => postgresSweepStore(poolOf(client));
  const look: Step = async (client) => {
    seen = (await on(client).lookAt(holder, 0)).unmentioned;
  };
  const begin: Step = async (client) => {
    await client.query("BEGIN");
    await on(client).dropRefs(seen);
  };
  return { name: "remarker", steps: [look, begin, commit] };
}

/** What the instance says refers to the payload from then on. */
function mentioner(holder: string): Actor {
  const [store, refer, end] = engine(holder).steps as [Step, Step, Step];
  const mention: Step = async (client) => {
    await refer(client);
    await client.query("UPDATE instances SET state = $1", [mentioning(DIGEST)]);
  };
  return { name: "engine", steps: [store, mention, end] };
}
test("a reference that an instance writes anew while it is looked at stays", async () => {
  const holder = id();
  const sweeping: Actor = { name: "sweeper", steps: [sweepAtOnce] };
  const all = await everyOrder(
    () => [mentioner(holder), remarker(holder), sweeping],
    async () => {
      await payload(stand, TEXT);
      await reference(stand, holder, DIGEST);
      await instance(stand, { name: holder });
    },
  );
  assert.equal(all.length, 140);
  for (const { outcome, isThere, referred } of all) {
    assert.equal(outcome["remarker"] ?? outcome["sweeper"], undefined);
    // What it says is there, or nothing was written.
    if (!conflicted(outcome)) assert.ok(isThere && referred);
  }
  assert.ok(all.some(({ outcome }) => conflicted(outcome)));
});

test("a value that goes from the inbox into the state keeps its reference", async () => {
  const holder = id();
  const take: Step = async (client) => {
    await client.query("BEGIN");
    await client.query("DELETE FROM inbox");
    await client.query("UPDATE instances SET state = $1", [mentioning(DIGEST)]);
  };
  for (const schedule of schedules([2, 3])) {
    await stand.clear();
    await payload(stand, TEXT);
    await reference(stand, holder, DIGEST);
    await instance(stand, { name: holder });
    await stand.pool.query("INSERT INTO inbox VALUES (3, $1, $2, $3)", [
      id(),
      holder,
      mentioning(DIGEST),
    ]);
    const owner: Actor = { name: "owner", steps: [take, commit] };
    const { outcome, referred } = await ends(
      await interleaver.run([owner, remarker(holder)], schedule),
    );
    assert.deepEqual(outcome, { owner: undefined, remarker: undefined });
    assert.ok(referred);
  }
  assert.deepEqual(await catalogued(stand), [DIGEST]);
});
