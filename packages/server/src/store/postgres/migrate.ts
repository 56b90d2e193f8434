/** Brings the database's schema up to date: plain `.sql` files in order, each in a transaction, under one lock. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, PoolClient } from "pg";

const FOLDER = join(import.meta.dirname, "migrations");
/** Any fixed number: servers that start together take turns. */
const LOCK = 1_836_412_512;

/** @throws {Error} when a migration that was applied has changed since, or the database is newer than this program */
export async function migrate(client: Client | PoolClient): Promise<void> {
  await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
  try {
    await client.query(
      `CREATE TABLE IF NOT EXISTS migrations (
         name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
       )`,
    );
    const { rows } = await client.query<{ name: string; checksum: string }>(
      "SELECT name, checksum FROM migrations",
    );
    const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
    const files = readdirSync(FOLDER)
      .filter((file) => file.endsWith(".sql"))
      .toSorted();
    const unknown = [...applied.keys()].filter((name) => !files.includes(name));
    if (unknown.length > 0)
      throw new Error(`the database is newer than this program: it has ${unknown.join(", ")}`);
    for (const file of files) await applyOne(client, file, applied.get(file));
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [LOCK]);
  }
}

async function applyOne(
  client: Client | PoolClient,
  file: string,
  before: string | undefined,
): Promise<void> {
  const sql = readFileSync(join(FOLDER, file), "utf8");
  const checksum = createHash("sha256").update(sql).digest("hex");
  if (before === checksum) return;
  if (before !== undefined) throw new Error(`${file} has changed since it was applied`);
  await client.query("BEGIN");
  try {
    await client.query(sql);
    await client.query("INSERT INTO migrations (name, checksum) VALUES ($1, $2)", [file, checksum]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}
