import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BlobError, type BlobStore, newKey } from "@millrace/server/ports";
import {
  type BlobStand,
  type Cassandra,
  cassandraUnavailable,
  chunked,
  hanging,
  KIB,
  MIB,
  randomBody,
  readAll,
  startCassandra,
  testBlobStore,
} from "@millrace/testkit/payloads";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import cassandra from "cassandra-driver";
import { cassandraSettings } from "../../src/payloads/cassandra/settings.ts";
import { openCassandraStore } from "../../src/payloads/cassandra/store.ts";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const CHILD = join(import.meta.dirname, "cassandra-child.ts");
const OUTAGE_CHILD = join(import.meta.dirname, "cassandra-outage-child.ts");
const skip = cassandraUnavailable();

/** One server for all tests of this file. */
let started: Promise<Cassandra> | undefined;
const server = (): Promise<Cassandra> => (started ??= startCassandra());
/** What a test that fails leaves open keeps its connections, and this process. */
const open: BlobStore[] = [];
after(async () => {
  await Promise.all(open.map((store) => store.close()));
  await (await started)?.stop();
});

function urlOf(node: Cassandra, keyspace: string, changed: Partial<Cassandra> = {}): string {
  const { user, password, port, dataCenter } = { ...node, ...changed };
  return `cassandra://${user}:${password}@127.0.0.1:${port}/${keyspace}?dc=${dataCenter}`;
}

async function opened(keyspace: string): Promise<BlobStore> {
  const store = openCassandraStore(cassandraSettings(urlOf(await server(), keyspace)));
  open.push(store);
  await store.prepare();
  return store;
}

/** Asks Cassandra itself. */
async function query(cql: string): Promise<readonly cassandra.types.Row[]> {
  const { port, user: username, password, dataCenter } = await server();
  const client = new cassandra.Client({
    contactPoints: [`127.0.0.1:${port}`],
    localDataCenter: dataCenter,
    credentials: { username, password },
  });
  try {
    return (await client.execute(cql)).rows;
  } finally {
    await client.shutdown();
  }
}

async function count(table: string): Promise<number> {
  const [row] = await query(`SELECT count(*) AS rows FROM ${table}`);
  return Number(row?.["rows"]);
}

/** The error that `work` rejects with. */
async function errorOf(work: Promise<unknown>): Promise<BlobError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BlobError, String(error));
  return error;
}

/** A child process that has said that it is ready. */
async function forked(path: string, ...args: readonly string[]): Promise<ChildProcess> {
  const child = fork(path, args);
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => assert.fail(`the child ended with ${code}`)),
  ]);
  return child;
}

/** Resolves when the store answers again. */
async function answering(store: BlobStore): Promise<void> {
  for (;;) {
    try {
      await store.get(newKey());
      return;
    } catch (error) {
      assert.equal((error as BlobError).kind, "unavailable");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

testBlobStore("Cassandra", {
  skip,
  borders: [64 * KIB, 256 * KIB, 8 * MIB],
  // Four chunks on their way, one that is put together, and what the driver makes of them.
  holds: 6 * MIB,
  async open(): Promise<BlobStand> {
    const node = await server();
    const store = await opened("suite");
    return {
      store,
      another: () => opened("suite"),
      async leaveHalf(key) {
        const child = await forked(CHILD, urlOf(node, "suite"), key);
        child.kill("SIGKILL");
        await once(child, "exit");
      },
      async takeAway() {
        await node.kill();
        return async () => {
          await node.restart();
          await answering(store);
        };
      },
      close: () => store.close(),
    };
  },
});

describe("payloads in Cassandra", { skip }, () => {
  // In a row of the database, in one of Cassandra, and in chunks.
  const sizes = [1_023, 1_024, MIB];
  let stand: PayloadStand;
  before(async () => {
    stand = await payloadStand(sizes, {
      MILLRACE_PAYLOAD_STORES: "database<1KiB,cassandra",
      MILLRACE_PAYLOAD_CASSANDRA: urlOf(await server(), "service"),
    });
  });
  after(() => stand.stop());
  payloadsSuite("database and Cassandra", sizes, () => stand);
});

describe("Cassandra's own", { skip }, () => {
  test("nothing of a deleted blob is left in any table", async () => {
    const store = await opened("deleted");
    const keys = [64 * KIB, 64 * KIB + 1, 17 * MIB].map((size) => [newKey(), size] as const);
    for (const [key, size] of keys) await store.put(key, chunked(randomBody(size)));
    assert.equal(await count("deleted.chunks"), 1 + 68);
    assert.equal(await count("deleted.unfinished"), 0);
    for (const [key] of keys) await store.delete(key);
    for (const table of ["blobs", "chunks", "unfinished"])
      assert.equal(await count(`deleted.${table}`), 0, table);
    await store.close();
  });

  test("an upload that was given up meanwhile is refused at its end, and leaves nothing", async () => {
    const [store, other] = [await opened("given_up"), await opened("given_up")];
    const key = newKey();
    const { body, hangs, finish } = hanging(randomBody(9 * MIB));
    const upload = errorOf(store.put(key, body));
    await hangs;
    assert.equal(await other.tidy(3_600_000), 0);
    assert.equal(await other.tidy(0), 1);
    finish();
    assert.match((await upload).message, /given up/);
    assert.equal((await upload).kind, "refused");
    assert.equal(await other.get(key), undefined);
    assert.deepEqual(await Array.fromAsync(other.list()), []);
    assert.equal(await count("given_up.chunks"), 0);
    assert.equal(await count("given_up.unfinished"), 0);
    await Promise.all([store.close(), other.close()]);
  });

  test("a server killed half-way through an upload leaves what tidying up clears away; who closes later ends", async () => {
    const node = await server();
    const store = await opened("killed");
    const child = await forked(OUTAGE_CHILD, urlOf(node, "killed"));
    const [key, kept] = [newKey(), newKey()];
    const bytes = randomBody(MIB);
    await store.put(kept, chunked(bytes));
    const { body, hangs, finish } = hanging(randomBody(9 * MIB));
    const upload = errorOf(store.put(key, body));
    await hangs;
    await node.kill();
    finish();
    assert.equal((await upload).kind, "unavailable");
    const ended = once(child, "exit");
    await node.restart();
    await answering(store);
    assert.deepEqual(await ended, [0, null]);
    assert.ok((await count("killed.chunks")) > 4, "there is something to clear away");
    assert.equal(await store.get(key), undefined);
    assert.equal(await store.tidy(0), 1);
    assert.equal(await count("killed.chunks"), 4);
    assert.equal(await count("killed.unfinished"), 0);
    const stream = await store.get(kept);
    assert.ok(stream !== undefined && (await readAll(stream)).equals(bytes));
    await store.close();
  });

  test("an upload that ended without its last word is kept when tidying up", async () => {
    const store = await opened("last_word");
    const [key, bytes] = [newKey(), randomBody(MIB)];
    await store.put(key, chunked(bytes));
    await query(
      `INSERT INTO last_word.unfinished (key, parts, touched_at) VALUES ('${key}', 1, 0)`,
    );
    assert.equal(await store.tidy(3_600_000), 0);
    assert.equal(await count("last_word.unfinished"), 0);
    const stream = await store.get(key);
    assert.ok(stream !== undefined && (await readAll(stream)).equals(bytes));
    await store.close();
  });

  test("a chunk that is lost fails the stream", async () => {
    const store = await opened("lost");
    const key = newKey();
    await store.put(key, chunked(randomBody(2 * MIB)));
    await query(`DELETE FROM lost.chunks WHERE key = '${key}' AND part = 0 AND chunk = 5`);
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    const error = await errorOf(readAll(stream));
    assert.match(error.message, /chunk 5 of blob [0-9a-f]{32} is not there/);
    assert.equal(error.kind, "damaged");
    await store.close();
  });

  test("a payload that lost a chunk is damaged: read on from the mirror, and written anew", async () => {
    const stand = await payloadStand([], {
      MILLRACE_PAYLOAD_STORES: "cassandra",
      MILLRACE_PAYLOAD_CASSANDRA: urlOf(await server(), "mirrored"),
      MILLRACE_PAYLOAD_MIRROR: "directory",
    });
    const service = await stand.fresh();
    const bytes = randomBody(2 * MIB);
    const { digest } = await service.keep("a", bytes);
    const { rows } = await stand.pool.query("SELECT location FROM payloads");
    await query(
      `DELETE FROM mirrored.chunks WHERE key = '${rows[0].location}' AND part = 0 AND chunk = 5`,
    );
    for (const range of [undefined, { first: 10, last: 2 * MIB - 10 }]) {
      const found = await service.open("a", digest, range);
      const expected = range === undefined ? bytes : bytes.subarray(10, 2 * MIB - 9);
      assert.ok((await readAll(found!.body)).equals(expected));
      await service.settled();
    }
    assert.deepEqual([service.figures.repaired, service.figures.corrupt], [1, 0]);
    const states = (await service.verify("a", digest))?.copies.map(({ state }) => state);
    assert.deepEqual(states, ["right", "right"]);
    await stand.stop();
  });

  test("several that prepare the same new keyspace at once all succeed", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => opened("together")));
    const key = newKey();
    await stores[0]?.put(key, chunked(randomBody(MIB)));
    for (const store of stores) assert.ok((await store.get(key)) !== undefined);
    const [row] = await query(
      "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'together'",
    );
    const replication = row?.["replication"] as Record<string, string> | undefined;
    assert.equal(replication?.["datacenter1"], "1");
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe("Cassandra refuses", { skip }, () => {
  async function preparing(changed: Partial<Cassandra>, keyspace = "nowhere"): Promise<BlobError> {
    const url = urlOf(await server(), keyspace, changed);
    const store = openCassandraStore(cassandraSettings(url), { connect: 1_000, answer: 1_000 });
    const error = await errorOf(store.prepare());
    assert.equal(await errorOf(store.get(newKey())).then(({ kind }) => kind), error.kind);
    await store.close();
    return error;
  }

  test("a wrong password", async () => {
    const error = await preparing({ password: "not-this-one" });
    assert.equal(error.kind, "refused");
    assert.match(error.message, /username|password|credentials/i);
    assert.doesNotMatch(error.message, /not-this-one/);
  });

  test("a data centre that there is not", async () => {
    const error = await preparing({ dataCenter: "berlin" });
    assert.equal(error.kind, "refused");
    assert.match(error.message, /no data centre berlin; there is datacenter1/);
  });

  test("a keyspace that is not there, of a user who may not make it", async () => {
    await query("CREATE ROLE IF NOT EXISTS guest WITH PASSWORD = 'guest-pw' AND LOGIN = true");
    const error = await preparing({ user: "guest", password: "guest-pw" });
    assert.equal(error.kind, "refused");
    assert.match(error.message, /keyspace nowhere is not there, and guest may not make it/);
    assert.match(error.message, /CREATE KEYSPACE IF NOT EXISTS nowhere/);
  });

  test("a table that the user may not write", async () => {
    const node = await server();
    await (await opened("readable")).close();
    await query("CREATE ROLE IF NOT EXISTS reader WITH PASSWORD = 'reader-pw' AND LOGIN = true");
    await query("GRANT SELECT ON KEYSPACE readable TO reader");
    const url = urlOf(node, "readable", { user: "reader", password: "reader-pw" });
    const store = openCassandraStore(cassandraSettings(url));
    await store.prepare();
    const error = await errorOf(store.put(newKey(), chunked(randomBody(10))));
    assert.equal(error.kind, "refused");
    assert.match(error.message, /storing a blob: User reader has no MODIFY permission/);
    await store.close();
  });

  test("nobody: a port where nobody listens is unavailable", async () => {
    const error = await preparing({ port: 1 });
    assert.equal(error.kind, "unavailable");
    assert.match(error.message, /ECONNREFUSED/);
  });

  test("nobody: a server that never answers is unavailable", async () => {
    // Reads, for else it would not see that the other side has gone, and would stay for ever.
    const silent = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    assert.ok(typeof address === "object" && address !== null);
    const error = await preparing({ port: address.port });
    assert.equal(error.kind, "unavailable");
    silent.close();
  });
});
