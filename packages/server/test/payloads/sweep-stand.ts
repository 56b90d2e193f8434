/** A database with the tables of payloads, and what tests of the sweeper put there. */
import { createHash } from "node:crypto";
import { newId } from "@millrace/protocol";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import type { PayloadSweepStore } from "../../src/payloads/sweep-store.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";

export const TENANT = "default";
export const HOUR = 3_600_000;

export interface Stand {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly store: PayloadSweepStore;
  /** Every table that the tests write is empty again. */
  clear(): Promise<void>;
  end(): Promise<void>;
}

const TABLES =
  "payload_refs payloads payload_marks payload_rounds payload_leftovers activity_checkpoints instances finished history inbox activities events".split(
    " ",
  );

export async function openStand(connections = 8): Promise<Stand> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: connections, pipeline: true });
  const client = await pool.connect();
  await migrate(client);
  client.release();
  return {
    url: database.url,
    pool,
    store: postgresSweepStore(pool),
    async clear() {
      // The tables are all but empty: faster than to truncate them.
      const each = TABLES.map((table) => `DELETE FROM ${table};`);
      await pool.query(`DO $$ BEGIN ${each.join(" ")} END $$`);
    },
    async end() {
      await pool.end();
      await database.drop();
    },
  };
}

export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

let made = 0;
/** A new id of partition 3. */
export function id(): string {
  made += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(0, made);
  return newId(3, 1, random);
}

interface PayloadOptions {
  readonly kept?: boolean;
  /** Milliseconds ago that it was touched. */
  readonly age?: number;
  /** Milliseconds until it expires. */
  readonly expiresIn?: number;
  /** The name of a store, and the key there. */
  readonly at?: readonly [string, string];
  readonly mirror?: readonly [string, string];
}

/** Enters a payload with this text. @returns its digest */
export async function payload(
  { pool }: Pick<Stand, "pool">,
  text: string,
  { kept = false, age = 2 * HOUR, expiresIn, at, mirror }: PayloadOptions = {},
): Promise<string> {
  const digest = digestOf(text);
  await pool.query(
    `INSERT INTO payloads (tenant, digest, size, media_type, body, store, location, mirror, mirror_location, kept, expires_at,
                           created_at, touched_at)
     VALUES ($1, decode($2, 'hex'), $3, 'text/plain', $4, $5, $6, $7, $8, $9, now_ms() + $10::bigint, 1, now_ms() - $11::bigint)`,
    new Array<unknown>(
      TENANT,
      digest,
      text.length,
      at === undefined ? Buffer.from(text) : null,
    ).concat(at ?? [null, null], mirror ?? [null, null], [kept, expiresIn ?? null, age]),
  );
  return digest;
}

/** A reference that was written so many milliseconds ago. */
export async function reference(
  { pool }: Pick<Stand, "pool">,
  holder: string,
  digest: string,
  kind = "instance",
  age = 2 * HOUR,
): Promise<void> {
  await pool.query(
    "INSERT INTO payload_refs (holder, tenant, digest, kind, at) VALUES ($1, $2, decode($3, 'hex'), $4, now_ms() - $5::bigint)",
    [holder, TENANT, digest, kind, age],
  );
}

/** What a record says that holds these by reference. */
export function mentioning(...digests: readonly string[]): string {
  const refs = digests.map((digest, n) => [[`v${n}`], digest, 40_000]);
  return JSON.stringify({ a: 1, $refs: refs });
}

interface InstanceOptions {
  readonly name?: string;
  readonly state?: string;
  readonly facts?: string;
  readonly activities?: string;
  /** It has ended, so many milliseconds ago. */
  readonly ended?: { readonly status: string; readonly age: number };
}

/** An instance with these texts. @returns its id */
export async function instance(
  { pool }: Pick<Stand, "pool">,
  { name = id(), state = "{}", facts = "", activities, ended }: InstanceOptions = {},
): Promise<string> {
  const common = [name, 3, TENANT, "n", "w", "1.0.0", state, facts];
  const columns =
    "id, partition, tenant, namespace, name, version, state, facts, revision, seq, facts_after, created_at, updated_at, priority, status";
  const values = "$1, $2, $3, $4, $5, $6, $7, $8, 1, 1, 1, 1, 1, 2, $9";
  if (ended === undefined)
    await pool.query(`INSERT INTO instances (${columns}, activities) VALUES (${values}, $10)`, [
      ...common,
      "running",
      activities ?? null,
    ]);
  else
    await pool.query(
      `INSERT INTO finished (${columns}, ended_at) VALUES (${values}, now_ms() - $10::bigint)`,
      [...common, ended.status, ended.age],
    );
  return name;
}

/** The digests that the catalogue has, sorted. */
export async function catalogued({ pool }: Pick<Stand, "pool">): Promise<readonly string[]> {
  const { rows } = await pool.query<{ digest: string }>(
    "SELECT encode(digest, 'hex') AS digest FROM payloads ORDER BY 1",
  );
  return rows.map(({ digest }) => digest);
}
