/**
 * Many who keep, release, store, refer and let go, at random, on two servers, while two sweepers without any grace period delete
 * whatever they may: nobody ever misses what is his, and in the end nothing is there that is nobody's.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { seeded } from "@millrace/testkit/payloads";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/logger.ts";
import { PayloadService } from "../../src/payloads/service.ts";
import { Stores } from "../../src/payloads/stores.ts";
import { payloadSweeper, type Sweeper } from "../../src/payloads/sweeper.ts";
import { referToPayloads } from "../../src/store/postgres/commit-payloads.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import { inOneFlight } from "../../src/store/postgres/transaction.ts";
import { StoreError } from "../../src/store/store.ts";
import { type DirectoryStand, directoryStand } from "./directory-stand.ts";
import {
  catalogued,
  digestOf,
  instance,
  mentioning,
  openStand,
  type Stand,
  TENANT,
} from "./sweep-stand.ts";

const CLIENTS = 10;
const ROUNDS = 6;
const STEPS = 12;
/** Bytes from which a value goes to the folder. */
const LARGE = 100;
/** More than that often in a row nobody is unlucky. */
const TRIES = 200;

let stand: Stand;
let folder: DirectoryStand;
before(async () => {
  stand = await openStand(24);
});
after(() => stand.end());
beforeEach(async () => {
  await stand.clear();
  folder = await directoryStand();
});
afterEach(() => folder.close());

/** Values that all share, small and large. */
const SHARED = Array.from({ length: 16 }, (_, n) =>
  `value ${n}`.padEnd(n % 2 === 0 ? 20 : 300, "."),
);

class Client {
  readonly #instance: string;
  readonly #random: () => number;
  readonly #service: PayloadService;
  /** What it refers to. */
  readonly refers = new Set<string>();
  /** What it keeps, and nobody else does. */
  readonly keeps = new Set<string>();

  constructor(instanceId: string, random: () => number, service: PayloadService) {
    this.#instance = instanceId;
    this.#random = random;
    this.#service = service;
  }

  async step(): Promise<void> {
    const drawn = this.#random();
    const text = SHARED[Math.floor(this.#random() * SHARED.length)] ?? "";
    const own = `${this.#instance} ${text}`;
    if (drawn < 0.4) return this.#refer(text);
    if (drawn < 0.7) return this.#letGo();
    if (drawn < 0.8) {
      await this.#service.keep(TENANT, Buffer.from(own));
      this.keeps.add(own);
      return;
    }
    if (drawn < 0.9) {
      assert.equal(await this.#service.release(TENANT, digestOf(own)), this.keeps.delete(own));
      return;
    }
    // What all share comes and goes as they keep and release it.
    if (drawn < 0.94) await this.#service.keep(TENANT, Buffer.from(text));
    else await this.#service.release(TENANT, digestOf(text));
  }

  async #refer(text: string): Promise<void> {
    const value = { digest: digestOf(text), bytes: Buffer.from(text) };
    for (let tries = 1; ; tries += 1) {
      await this.#service.store(TENANT, [value]);
      try {
        await this.#commit(new Set([...this.refers, text]), [value.digest]);
        this.refers.add(text);
        return;
      } catch (error) {
        // It was swept in between: as an owner does, it is stored once more.
        if (!(error instanceof StoreError) || error.kind !== "conflict" || tries > TRIES)
          throw error;
      }
    }
  }

  /** Finding out that the reference stands for nothing any more is the sweeper's. */
  async #letGo(): Promise<void> {
    const [text] = this.refers;
    if (text === undefined) return;
    this.refers.delete(text);
    await this.#commit(this.refers, []);
  }

  /** The instance's state mentions these, and refers to the new ones from the same transaction on. */
  async #commit(mentions: ReadonlySet<string>, fresh: readonly string[]): Promise<void> {
    const of = { holder: this.#instance, tenant: TENANT, kind: "instance" } as const;
    const state = mentioning(...[...mentions].map(digestOf));
    await inOneFlight(stand.pool, [
      {
        name: "write-state",
        text: "UPDATE instances SET state = $2, revision = revision + 1 WHERE id = $1",
        values: [this.#instance, state],
      },
      ...referToPayloads(fresh.map((digest) => ({ ...of, digest }))),
    ]);
  }

  async check(): Promise<void> {
    for (const text of this.refers) {
      const found = await this.#service.load(TENANT, [digestOf(text)]);
      assert.equal(found.get(digestOf(text))?.toString(), text);
    }
    for (const text of this.keeps) {
      const found = await this.#service.read(TENANT, digestOf(text));
      assert.equal(found?.bytes.toString(), text);
    }
  }
}

function serviceOf(): PayloadService {
  const tiers = [
    { store: "database", below: LARGE },
    { store: "directory", below: Number.POSITIVE_INFINITY },
  ] as const;
  return new PayloadService({
    catalog: postgresCatalog(() => stand.pool),
    stores: new Stores(tiers, [folder.store]),
    // Nothing is remembered: what is read is there.
    cache: 0,
    clock: systemClock(),
    log: silentLogger,
  });
}

const sweeperOf = (): Sweeper =>
  payloadSweeper({
    store: postgresSweepStore(stand.pool, 0),
    blobs: [folder.store],
    clock: systemClock(),
    log: silentLogger,
    random: Math.random,
    grace: 0,
    checkpoints: 0,
  });

for (const seed of [1, 2, 3])
  test(`whatever is swept meanwhile, what is referred to or kept is there (seed ${seed})`, async () => {
    const source = seeded(seed);
    const random = (): number => source.next();
    const services = [serviceOf(), serviceOf()];
    const clients: Client[] = [];
    for (let n = 0; n < CLIENTS; n += 1)
      clients.push(new Client(await instance(stand), random, services[n % 2] ?? serviceOf()));
    const sweepers = [sweeperOf(), sweeperOf()];
    const done = new AbortController();
    const loops = sweepers.map(async (each) => {
      while (!done.signal.aborted) await each.runOnce();
    });
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(
          clients.map(async (each) => {
            for (let step = 0; step < STEPS; step += 1) await each.step();
          }),
        );
        // The sweepers go on.
        await Promise.all(clients.map((each) => each.check()));
      }
    } finally {
      done.abort();
      await Promise.all(loops);
    }
    for (const text of SHARED) await services[0]?.release(TENANT, digestOf(text));
    // What a user released just now is left over for those who are reading it.
    await stand.pool.query(
      "UPDATE payload_leftovers SET due_at = 0 WHERE due_at < now_ms() + 3600000",
    );
    // The first pass finds references that stand for nothing, the second what nobody refers to any more.
    await sweepers[0]?.runOnce();
    await sweepers[0]?.runOnce();
    const needed = new Set(clients.flatMap(({ refers, keeps }) => [...refers, ...keeps]));
    assert.deepEqual(await catalogued(stand), [...needed].map(digestOf).toSorted());
    const blobs: string[] = [];
    for await (const { key } of folder.store.list()) blobs.push(key);
    const { rows } = await stand.pool.query<{ location: string }>(
      "SELECT location FROM payloads WHERE location IS NOT NULL",
    );
    assert.deepEqual(blobs.toSorted(), rows.map(({ location }) => location).toSorted());
    await Promise.all(clients.map((each) => each.check()));
    for (const what of ["payloads", "references", "leftovers"] as const)
      assert.ok(
        sweepers.some(({ figures }) => figures[what] > 0),
        `no ${what} were swept`,
      );
  });
