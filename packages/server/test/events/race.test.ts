/**
 * Events and waits that come at the same moment, from many connections, while two nodes take the partitions from each other and
 * the connections of matches and looks are broken in the middle: every target consumes every event of its buckets once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import type { BatchBuilder } from "../../src/owner/builder.ts";
import type { EventStore } from "../../src/store/events.ts";
import { postgresEventStore } from "../../src/store/postgres/event-store.ts";
import { type Epoch, StoreError } from "../../src/store/store.ts";
import { bucket, HOUR, type Mail, PARTITIONS, type Stand, stand, target, wait } from "./stand.ts";

const SOURCES = ["/a", "/b", "/c", "/d", "/e"];
const EVENTS = 60;
const BUCKETS = ["x", "y", "z"].map(bucket);
const TARGETS = 8;

/** Uniform in [0, 1), from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Actor {
  readonly id: string;
  readonly partition: number;
  /** Never takes its wait back. */
  readonly steady: boolean;
  /** Names of consumed events, in order. */
  readonly consumed: string[];
  readonly waits: Map<string, readonly string[]>;
  made: number;
}

class Race {
  readonly s: Stand;
  readonly next: () => number;
  readonly bucketsOf = new Map<string, readonly string[]>();
  over = false;

  constructor(s: Stand, seed: number) {
    this.s = s;
    this.next = random(seed);
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.next() * of.length)] as T;
  }

  /** One after the other, and now and then one twice. */
  async send(source: string): Promise<void> {
    for (let n = 0; n < EVENTS; n += 1) {
      const buckets = BUCKETS.filter(() => this.next() < 0.5);
      this.bucketsOf.set(`${source} ${n}`, buckets);
      const event = [source, `${n}`, buckets] as const;
      assert.equal(await this.s.post(event), 1);
      if (this.next() < 0.1) assert.equal(await this.s.post(event, event), 0);
    }
  }

  /** An owner that has lost its epoch, or met a deadlock, does it again. */
  async commit(fill: (batch: BatchBuilder) => void): Promise<void> {
    for (;;)
      try {
        return await this.s.commit(fill);
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind !== "stale-epoch") throw error;
      }
  }

  async live(actor: Actor): Promise<void> {
    while (!this.over) {
      await this.consume(actor);
      await this.change(actor);
    }
  }

  /** Takes what it waits for, and returns the rest. */
  async consume(actor: Actor): Promise<number> {
    const mail = (await this.s.store.readInbox([actor.partition], 1_000)).filter(
      ({ instanceId }) => instanceId === actor.id,
    );
    if (mail.length === 0) return 0;
    const waited = new Set([...actor.waits.values()].flat());
    const taken: string[] = [];
    const refused: number[] = [];
    for (const { command } of mail) {
      const { seq, event } = (JSON.parse(command) as Mail).command;
      const name = `${event.source} ${event.id}`;
      if (this.bucketsOf.get(name)?.some((each) => waited.has(each)) === true) taken.push(name);
      else refused.push(seq);
    }
    await this.commit((batch) => {
      for (const { id, partition } of mail) batch.consume({ id, partition }, true);
      for (const seq of refused) batch.returned.push({ targetId: actor.id, seq });
    });
    actor.consumed.push(...taken);
    return mail.length;
  }

  async change(actor: Actor): Promise<void> {
    const { id, partition, waits } = actor;
    const [first] = waits.keys();
    if (first !== undefined && (waits.size > 1 || this.next() < 0.5)) {
      if (actor.steady) return;
      waits.delete(first);
      return this.commit((batch) =>
        batch.subscriptions.end({ partition, instanceId: id, id: first }),
      );
    }
    if (this.next() < 0.3) return;
    actor.made += 1;
    const name = `f${actor.made}`;
    const buckets = actor.steady ? BUCKETS : BUCKETS.filter(() => this.next() < 0.6);
    if (buckets.length === 0) return;
    waits.set(name, buckets);
    await this.commit((batch) => wait(batch, id, partition, name, ...buckets));
  }

  /** A node that matches and looks for as long as it holds the partitions, and takes them now and then. */
  async deliver(node: string, events: EventStore): Promise<void> {
    let epochs: readonly Epoch[] = [];
    let since = 0;
    while (!this.over)
      try {
        if (this.next() < 0.05) epochs = await this.s.take(node);
        const pass =
          this.next() < 0.5 ? events.match(epochs, since) : events.look(epochs, HOUR, since);
        since = (await pass).madeAt;
      } catch (error) {
        assert.ok(error instanceof StoreError && error.kind !== "conflict", String(error));
        if (error.kind === "stale-epoch") await this.s.count("partitions");
      }
  }

  async strike(application: string): Promise<void> {
    while (!this.over) {
      await this.s.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = $1 AND state = 'active' AND $2 < 0.1`,
        [application, this.next()],
      );
    }
  }
}

for (const seed of [1, 2, 3])
  test(`events and waits at once: each event is consumed once (seed ${seed})`, async () => {
    const s = await stand();
    const race = new Race(s, seed);
    const { rows } = await s.pool.query<{ url: string }>("SELECT current_database() AS url");
    const url = new URL(process.env["MILLRACE_TEST_POSTGRES"] ?? "");
    url.pathname = `/${rows[0]?.url}`;
    const nodes = ["one", "two"].map((node) => {
      const pool = new pg.Pool({
        connectionString: url.href,
        application_name: "struck",
        max: 2,
        pipeline: true,
      });
      pool.on("error", () => {});
      pool.on("connect", (client) => client.on("error", () => {}));
      return { node, pool };
    });
    const actors = Array.from({ length: TARGETS }, (_, n): Actor => {
      const partition = n % PARTITIONS;
      const waits = new Map<string, readonly string[]>();
      const of = { steady: n % 3 === 0, consumed: [], waits, made: 0 };
      return { id: target(partition), partition, ...of };
    });
    try {
      const running = [
        ...actors.map((actor) => race.live(actor)),
        ...nodes.map(({ node, pool }) => race.deliver(node, postgresEventStore(pool))),
        race.strike("struck"),
      ];
      const sent = Promise.all(SOURCES.map((source) => race.send(source)));
      await Promise.race([sent, Promise.all(running)]);
      race.over = true;
      await Promise.all(running);
      await s.take("end");
      await settle(race, actors);
      check(race, actors);
      assert.equal(await s.count("event_queue"), 0);
      assert.equal(await s.count("event_looks"), 0);
    } finally {
      for (const { pool } of nodes) await pool.end();
      await s.close();
    }
  });

/** In the end all wait for everything. */
async function settle(race: Race, actors: readonly Actor[]): Promise<void> {
  const { s } = race;
  for (const { id, partition, waits } of actors) {
    waits.set("end", BUCKETS);
    await s.commit((batch) => wait(batch, id, partition, "end", ...BUCKETS));
  }
  for (let moved = 1; moved > 0; ) {
    moved = (await s.match()) + (await s.look()) + (await s.count("event_queue"));
    // A back end that was ended a moment ago may still hold one, and a look passes over what is held.
    moved += await s.count("event_looks");
    for (const actor of actors) moved += await race.consume(actor);
  }
}

function check(race: Race, actors: readonly Actor[]): void {
  const wanted = [...race.bucketsOf].filter(([, buckets]) => buckets.length > 0);
  const names = wanted.map(([name]) => name).toSorted();
  for (const { consumed, steady } of actors) {
    assert.deepEqual(consumed.toSorted(), names);
    if (!steady) continue;
    for (const source of SOURCES) {
      const numbers = consumed
        .filter((name) => name.startsWith(`${source} `))
        .map((name) => Number(name.split(" ")[1]));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    }
  }
}
