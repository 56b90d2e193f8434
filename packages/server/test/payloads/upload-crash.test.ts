/** A process that ends in the middle of a large put: whatever was written is known, and swept; what was acknowledged is there. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { bytesOf, digestOf, inPieces } from "@millrace/testkit/payloads-suite";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/logger.ts";
import type { BlobStore } from "../../src/payloads/blob-store.ts";
import type { Catalog } from "../../src/payloads/catalog.ts";
import { openDirectoryStore } from "../../src/payloads/directory/index.ts";
import { PayloadService } from "../../src/payloads/service.ts";
import { Stores } from "../../src/payloads/stores.ts";
import { payloadSweeper } from "../../src/payloads/sweeper.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";
import { folderRegistry } from "../../src/store/postgres/payload-folder.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

let stand: PayloadStand;
before(async () => {
  stand = await payloadStand([], { MILLRACE_PAYLOAD_STORES: "database<1KiB,directory" });
  await directory().prepare();
});
after(() => stand.stop());

/** Nothing that the process asks for after its end is heard; what it asked for before may still be done. */
class Process {
  #over = false;
  readonly #gone = new Error("the process has ended");
  end(): void {
    this.#over = true;
  }
  /** `part` with every method refused once the process has ended, and `at` told before and after each. */
  wrap<T extends object>(part: T, at: (when: string) => void): T {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          at(`before ${String(name)}`);
          if (this.#over) throw this.#gone;
          const result: unknown = await Reflect.apply(value, target, args);
          at(`after ${String(name)}`);
          if (this.#over) throw this.#gone;
          return result;
        };
      },
    });
  }
}

function directory(): BlobStore {
  return openDirectoryStore({ folder: stand.folder, registry: folderRegistry(() => stand.pool) });
}

const catalog: Catalog = postgresCatalog(() => stand.pool);

function service(blobs: BlobStore, over: Catalog): PayloadService {
  const tiers = [
    { store: "database", below: 1_024 },
    { store: "directory", below: Number.POSITIVE_INFINITY },
  ] as const;
  const stores = new Stores(tiers, [blobs]);
  return new PayloadService({
    catalog: over,
    stores,
    cache: 0,
    clock: systemClock(),
    log: silentLogger,
  });
}

async function keysOf(store: BlobStore): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for await (const { key } of store.list()) keys.add(key);
  return keys;
}

async function column(sql: string): Promise<ReadonlySet<string>> {
  const { rows } = await stand.pool.query<{ location: string }>(sql);
  return new Set(rows.map(({ location }) => location));
}

/** Everything that is due, and what an upload expected a day from now as well. */
async function sweep(store: BlobStore): Promise<void> {
  await stand.pool.query("UPDATE payload_leftovers SET due_at = 0");
  const sweeper = payloadSweeper({
    store: postgresSweepStore(stand.pool),
    blobs: [store],
    clock: systemClock(),
    log: silentLogger,
    random: Math.random,
    grace: 3_600_000,
    checkpoints: 3_600_000,
  });
  await sweeper.runOnce();
  await sweeper.stop();
}

const MOMENTS = [
  "before expect",
  "after expect",
  "before put",
  "while it is sent",
  "after put",
  "before enter",
  "after enter",
] as const;

for (const moment of MOMENTS)
  test(`a process that ends ${moment} of a large put leaves no bytes that nothing knows of`, async () => {
    const bytes = randomBytes(700_000);
    const process = new Process();
    const at = (when: string): void => {
      if (when === moment) process.end();
    };
    async function* body(): AsyncGenerator<Uint8Array> {
      let sent = 0;
      for await (const piece of inPieces(bytes)) {
        if (moment === "while it is sent" && (sent += piece.length) > 300_000) {
          process.end();
          throw new Error("the process has ended");
        }
        yield piece;
      }
    }
    const writer = service(process.wrap(directory(), at), process.wrap(catalog, at));
    await assert.rejects(writer.keep("a", body()), /the process has ended/);

    const store = directory();
    const known = new Set([
      ...(await column("SELECT location FROM payload_leftovers")),
      ...(await column("SELECT location FROM payloads WHERE location IS NOT NULL")),
    ]);
    for (const key of await keysOf(store))
      assert.ok(known.has(key), "the catalogue knows every blob");
    await sweep(store);
    const reader = service(store, catalog);
    const found = await reader.open("a", digestOf(bytes));
    // Of the last moment nobody was told; it happened all the same.
    assert.equal(found !== undefined, moment === "after enter");
    if (found !== undefined) assert.ok((await bytesOf(found.body)).equals(bytes));
    const entered = await column("SELECT location FROM payloads WHERE location IS NOT NULL");
    assert.deepEqual(await keysOf(store), entered, "what is not in the catalogue was swept");
    const { created } = await reader.keep("a", inPieces(bytes));
    assert.equal(created, moment !== "after enter", "it can be put again");
  });

test("an upload whose bytes the sweeper took for left over is not entered", async () => {
  const store = directory();
  const bytes = randomBytes(50_000);
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield bytes;
    await stand.pool.query("UPDATE payload_leftovers SET sweeping = true");
  }
  const writer = service(store, catalog);
  await assert.rejects(writer.keep("a", slow()), { name: "PayloadError", kind: "unavailable" });
  assert.equal(await writer.find("a", digestOf(bytes)), undefined);
  await sweep(store);
  const entered = await column("SELECT location FROM payloads WHERE location IS NOT NULL");
  assert.deepEqual(await keysOf(store), entered);
});
