/** Transactions of several statements on one connection. */
import type { Duplex } from "node:stream";
import pg, { type Pool, type PoolClient, type QueryResult } from "pg";
import { StoreError } from "../store.ts";
import type { Statement } from "./statement.ts";

/**
 * Statements that are all known beforehand are sent at once, so the transaction costs one round trip (the pool's connections
 * are in pipeline mode). When one fails the database refuses those behind it and turns the COMMIT into a rollback. Gives the
 * answer of each.
 * @throws {StoreError} of the first failure; `unknown` when the connection broke
 */
export async function inOneFlight(
  pool: Pool,
  statements: readonly Statement[],
): Promise<readonly QueryResult[]> {
  const client = await connect(pool);
  let broken: Error | undefined;
  try {
    return await run(client, statements);
  } catch (error) {
    const failure = asStoreError(error);
    if (failure.kind === "unknown") broken = failure;
    throw failure;
  } finally {
    // A broken connection is thrown away, not given back.
    client.release(broken);
  }
}

/** Rolled back when `work` rejects. @throws {StoreError} */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // A connection on which this fails is of no use; one on which it succeeds is as good as new.
    await client.query("ROLLBACK").catch((failure: Error) => {
      broken = failure;
    });
    throw asStoreError(error);
  } finally {
    client.release(broken);
  }
}

/** @throws {StoreError} `unavailable` */
export async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw new StoreError("unavailable", `no connection: ${(error as Error).message}`, error);
  }
}

async function run(
  client: PoolClient,
  statements: readonly Statement[],
): Promise<readonly QueryResult[]> {
  const answers = inOneWrite(client, () => [
    client.query("BEGIN"),
    ...statements.map(({ name, text, values }) =>
      client.query({ name, text, values: [...values] }),
    ),
    client.query("COMMIT"),
  ]);
  const results: QueryResult[] = [];
  for (const answer of await Promise.allSettled(answers)) {
    if (answer.status === "rejected") throw answer.reason;
    results.push(answer.value);
  }
  if (results.at(-1)?.command !== "COMMIT")
    throw new Error("the database rolled the transaction back without an error");
  return results.slice(1, -1);
}

/** Each write is a system call, and wakes the database for a part of the batch. */
function inOneWrite<T>(client: PoolClient, send: () => T): T {
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** The database's own refusals are certain; whatever else went wrong after the transaction was sent is not. */
export function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { message } = error as { message?: string };
  const text = message ?? String(error);
  const code = error instanceof pg.DatabaseError ? (error.code ?? "") : "";
  if (code === "MR001") return new StoreError("stale-epoch", text, error);
  // Class 08 and 57P: the connection or the server ends; XX: the server itself is at fault.
  if (code === "" || /^(08|57P|XX)/.test(code)) return new StoreError("unknown", text, error);
  // Class 53: out of resources; 57: cancelled, as by the time limit; 58: a fault of the system.
  const kind = /^(53|57|58)/.test(code) ? "unavailable" : "conflict";
  return new StoreError(kind, text, error);
}
