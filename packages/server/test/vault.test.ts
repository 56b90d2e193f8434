/** The vault on PostgreSQL: what stands in the tables is worth nothing alone, and keys rotate while everything goes on. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, type TestContext, test } from "node:test";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { systemClock } from "../src/clock.ts";
import { silentLogger } from "../src/logger.ts";
import { openVault } from "../src/secrets/open.ts";
import { MAX_SECRET_BYTES, type Vault } from "../src/secrets/vault.ts";
import { migrate } from "../src/store/postgres/migrate.ts";

const key = (): string => randomBytes(32).toString("base64");

suite("the vault", () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  before(async () => {
    database = await createDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    const client = await pool.connect();
    await migrate(client);
    client.release();
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  /** A vault as another node would open it: nothing remembered. */
  async function open(t: TestContext, masterKey?: string): Promise<Vault> {
    const given = masterKey === undefined ? {} : { masterKey };
    const config = { databaseUrl: database.url, ...given };
    const opened = await openVault(config, systemClock(), silentLogger);
    t.after(() => opened.close());
    return opened.vault;
  }

  test("a value comes back whole, with a version for each time it was set", async (t) => {
    const master = key();
    const vault = await open(t, master);
    const value = { client: { id: "me", secret: 'päss\u0000"word' }, list: [1, null, true] };
    assert.equal((await vault.set("a", "one", "first")).created, true);
    const second = await vault.set("a", "one", value);
    assert.deepEqual([second.created, second.secret.version], [false, 2]);
    assert.deepEqual(await vault.get("a", "one"), value);
    assert.deepEqual(await (await open(t, master)).get("a", "one"), value);
    assert.equal(await vault.get("b", "one"), undefined);
    assert.deepEqual(
      (await vault.list("a", "", 9)).map(({ name }) => name),
      ["one"],
    );
    assert.deepEqual(await vault.list("b", "", 9), []);
    assert.deepEqual(
      [await vault.delete("a", "one"), await vault.delete("a", "one")],
      [true, false],
    );
    assert.equal(await vault.get("a", "one"), undefined);
  });

  test("sets of one secret at the same time each count", async (t) => {
    const vault = await open(t, key());
    const sets = Array.from({ length: 5 }, (_, at) => vault.set("race", "one", `value ${at}`));
    const versions = (await Promise.all(sets)).map(({ secret }) => secret.version);
    assert.deepEqual(
      versions.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5],
    );
  });

  test("what is sealed opens nowhere else", async (t) => {
    const master = key();
    const vault = await open(t, master);
    await vault.set("mine", "one", "value of one");
    await vault.set("mine", "two", "value of two");
    await vault.set("theirs", "one", "value of theirs");
    const copy = (from: string, to: string) =>
      pool.query(
        `UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE tenant || '/' || name = $1)
         WHERE tenant || '/' || name = $2`,
        [from, to],
      );
    await copy("mine/two", "mine/one");
    await assert.rejects((await open(t, master)).get("mine", "one"), /changed since it was sealed/);
    await copy("mine/two", "theirs/one");
    await assert.rejects(
      (await open(t, master)).get("theirs", "one"),
      /changed since it was sealed/,
    );
    await pool.query("UPDATE secrets SET version = 9 WHERE tenant = 'mine' AND name = 'two'");
    await assert.rejects((await open(t, master)).get("mine", "two"), /changed since it was sealed/);
  });

  test("without the master key nothing is read or set", async (t) => {
    await (await open(t, key())).set("locked", "one", "value");
    const other = await open(t, key());
    await assert.rejects(other.get("locked", "one"), /does not have the master key [0-9a-f]{12}/);
    await assert.rejects(other.set("locked", "two", "value"), /does not have the master key/);
    const none = await open(t);
    await assert.rejects(
      none.set("locked", "one", "value"),
      /has no master key: set MILLRACE_MASTER/,
    );
    await assert.rejects(none.rotate({ dataKeys: false }), /has no master key/);
  });

  test("a value that is too large is refused", async (t) => {
    const vault = await open(t, key());
    await assert.rejects(
      vault.set("sizes", "large", "x".repeat(MAX_SECRET_BYTES)),
      /longer than 65536/,
    );
    await vault.set("sizes", "large", "x".repeat(MAX_SECRET_BYTES - 2));
  });

  test("both kinds of keys rotate while secrets are read and set", async (t) => {
    await pool.query("TRUNCATE secrets, data_keys");
    const folder = mkdtempSync(join(tmpdir(), "millrace-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const masterKeyFile = join(folder, "keys");
    const [first, second] = [key(), key()];
    await writeFile(masterKeyFile, `${first}\n`);
    const config = { databaseUrl: database.url, masterKeyFile };
    const node = async (): Promise<Vault> => {
      const opened = await openVault(config, systemClock(), silentLogger);
      t.after(() => opened.close());
      return opened.vault;
    };
    const vault = await node();
    const names = Array.from({ length: 250 }, (_, at) => `s${String(at).padStart(3, "0")}`);
    await Promise.all(names.map((name) => vault.set("t1", name, `value of ${name}`)));
    await vault.set("t2", "other", "value of other");

    await writeFile(masterKeyFile, `# the new one first\n${second}\n${first}\n`);
    const rotating = vault.rotate({ dataKeys: true });
    await Promise.all(names.slice(0, 20).map((name) => vault.set("t1", name, `new ${name}`)));
    const done = await rotating;
    assert.equal(done.keysWrapped, 2);
    // What was set with an old key after the rotation had passed by is sealed anew by another one.
    await vault.rotate({ dataKeys: true });
    assert.deepEqual((await vault.rotate({ dataKeys: false })).keysWrapped, 0);

    await writeFile(masterKeyFile, `${second}\n`);
    const later = await node();
    for (const [at, name] of names.entries())
      assert.equal(await later.get("t1", name), at < 20 ? `new ${name}` : `value of ${name}`);
    assert.equal(await later.get("t2", "other"), "value of other");
    const { rows } = await pool.query<{ tenant: string }>(
      "SELECT tenant FROM data_keys ORDER BY 1",
    );
    assert.deepEqual(
      rows.map(({ tenant }) => tenant),
      ["t1", "t2"],
    );
  });
});
