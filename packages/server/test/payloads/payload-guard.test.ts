/** The database itself refuses to delete a payload that something refers to, and to refer to one that is not there. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

let stand: PayloadStand;
before(async () => {
  stand = await payloadStand([]);
});
after(() => stand.stop());

async function put(text: string): Promise<string> {
  const { digest } = await (await stand.fresh()).keep("a", Buffer.from(text));
  return digest;
}

const REFER =
  "INSERT INTO payload_refs (holder, tenant, digest, kind) VALUES ($1, 'a', decode($2, 'hex'), 'instance')";
const DELETE = "DELETE FROM payloads WHERE tenant = 'a' AND digest = decode($1, 'hex')";
const refused = { code: "23503" };

async function connected<T>(work: (one: pg.Client, other: pg.Client) => Promise<T>): Promise<T> {
  const clients = [1, 2].map(() => new pg.Client({ connectionString: stand.url }));
  const [one, other] = clients as [pg.Client, pg.Client];
  for (const client of clients) await client.connect();
  try {
    return await work(one, other);
  } finally {
    for (const client of clients) await client.end();
  }
}

/** Resolves when somebody waits for a lock. */
async function somebodyWaits(): Promise<void> {
  const sql =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await stand.pool.query(sql)).rowCount === 0);
}

test("a payload that is referred to cannot be deleted, truncated or given another digest", async () => {
  const digest = await put("referred to");
  const end = await stand.refer("a", digest);
  await assert.rejects(stand.pool.query(DELETE, [digest]), refused);
  await assert.rejects(stand.pool.query("TRUNCATE payloads"), refused);
  await assert.rejects(stand.pool.query("UPDATE payloads SET digest = digest"), refused);
  await assert.rejects(stand.pool.query("UPDATE payload_refs SET digest = digest"), refused);
  await end();
  assert.equal((await stand.pool.query(DELETE, [digest])).rowCount, 1);
});

test("nothing can refer to a payload that is not there", async () => {
  const digest = await put("deleted soon");
  await stand.pool.query(DELETE, [digest]);
  await assert.rejects(stand.pool.query(REFER, ["h", digest]), refused);
});

test("who deletes while a reference is being written waits for it, and is refused", async () => {
  const digest = await put("a reference comes");
  await connected(async (one, other) => {
    await one.query("BEGIN");
    await one.query(REFER, ["first", digest]);
    const deletion = assert.rejects(other.query(DELETE, [digest]), refused);
    await somebodyWaits();
    await one.query("COMMIT");
    await deletion;
  });
  // And through the service: it waits, looks again, and lets the payload stay.
  await stand.pool.query("DELETE FROM payload_refs");
  const service = await stand.fresh();
  await connected(async (one) => {
    await one.query("BEGIN");
    await one.query(REFER, ["second", digest]);
    const release = service.release("a", digest);
    await somebodyWaits();
    await one.query("COMMIT");
    assert.equal(await release, true, "it was kept");
  });
  assert.equal((await service.find("a", digest))?.kept, false, "it stays for who refers to it");
});

test("who refers to a payload while it is being deleted waits, and is refused", async () => {
  const digest = await put("it goes");
  await connected(async (one, other) => {
    await one.query("BEGIN");
    await one.query(DELETE, [digest]);
    const reference = assert.rejects(other.query(REFER, ["third", digest]), refused);
    await somebodyWaits();
    await one.query("COMMIT");
    await reference;
  });
});

test("payloads are not deleted in a transaction that could not see a new reference", async () => {
  const digest = await put("stays");
  await connected(async (one) => {
    await one.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await assert.rejects(one.query(DELETE, [digest]), { code: "25000" });
    await one.query("ROLLBACK");
  });
});
