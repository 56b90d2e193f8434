/** A transaction of several statements on one connection. */
import type { Pool, PoolClient } from "pg";
import { asStoreError, connect } from "./owner-store.ts";

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
