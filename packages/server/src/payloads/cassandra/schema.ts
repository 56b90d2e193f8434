/**
 * The tables, and how they come to be.
 *
 *   blobs       one row for each blob that is whole, by its key. Up to 64 KiB the body stands in it. Written last, so that nothing
 *               is seen before it is whole. A row without a size is the mark of an upload that was given up: it keeps the
 *               uploader from finishing, should that be alive after all.
 *   chunks      the body of a larger one, in chunks of 256 KiB, 32 of them to a partition: neither a partition nor a message
 *               grows with the blob.
 *   unfinished  keys that may have chunks without being whole: written before the first chunk and deleted after the head was
 *               written; written again before a head is deleted, and deleted after the last chunk. `parts`: partitions that may
 *               have chunks.
 */
import { BlobError } from "../blob-store.ts";
import { blobError, isUnauthorized } from "./errors.ts";
import type { Session } from "./session.ts";

/** Copies of each row where the settings do not say, as far as there are nodes. */
const COPIES = 3;

const TABLES: Readonly<Record<string, string>> = {
  blobs: "key text PRIMARY KEY, size bigint, body blob",
  chunks: "key text, part int, chunk int, body blob, PRIMARY KEY ((key, part), chunk)",
  unfinished: "key text PRIMARY KEY, parts int, touched_at timestamp",
};

/** Resolves when keyspace and tables are there; makes those that are not. @throws {BlobError} saying what is missing, and why */
export async function prepareSchema(session: Session): Promise<void> {
  const { keyspace } = session.settings;
  const wanted = Object.keys(TABLES);
  const present = await tables(session);
  if (wanted.every((table) => present.has(table))) return;
  const exists = await session.all(
    "looking for the keyspace",
    "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?",
    [keyspace],
  );
  if (exists.length === 0) await make(session, `keyspace ${keyspace}`, createKeyspace(session));
  for (const table of wanted.filter((name) => !present.has(name)))
    await make(session, `table ${keyspace}.${table}`, createTable(keyspace, table));
}

async function tables(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.all(
    "looking for the tables",
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?",
    [session.settings.keyspace],
  );
  return new Set(rows.map((row) => String(row["table_name"])));
}

function createKeyspace(session: Session): string {
  const { keyspace, dataCenter, replication } = session.settings;
  const copies = replication ?? Math.max(1, Math.min(COPIES, session.nodes()));
  const name = dataCenter.replaceAll("'", "''");
  return `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = {'class': 'NetworkTopologyStrategy', '${name}': ${copies}}`;
}

function createTable(keyspace: string, table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (${TABLES[table]})`;
}

async function make(session: Session, what: string, statement: string): Promise<void> {
  try {
    await session.change(statement);
  } catch (error) {
    const { user } = session.settings;
    if (!isUnauthorized(error)) throw blobError(`making ${what}`, error);
    const message = `Cassandra: ${what} is not there, and ${user ?? "the user"} may not make it. An operator may: ${statement}`;
    throw new BlobError("refused", message, error);
  }
}
