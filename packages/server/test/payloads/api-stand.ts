/** The API over payloads that are stored: the database below 64 KiB, a folder above. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createDatabase } from "@millrace/testkit";
import { startTestApi, type TestApi } from "@millrace/testkit/api";
import pg from "pg";
import { systemClock } from "../../src/clock.ts";
import type { Config } from "../../src/config.ts";
import { silentLogger } from "../../src/logger.ts";
import { PayloadService } from "../../src/payloads/service.ts";
import { Stores } from "../../src/payloads/stores.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";
import { openPrepared } from "./directory-stand.ts";

export interface ApiStand extends Omit<TestApi, "payloads"> {
  readonly pool: pg.Pool;
  /** Where large payloads are. */
  readonly folder: string;
  /** Rows of payloads, and bytes that stores hold or expect without one. */
  readonly traces: () => Promise<readonly [rows: number, leftovers: number]>;
}

/** Bytes from which a payload is a file. */
export const FILE_FROM = 65_536;

/** Stops with the test. */
export async function apiStand(
  t: TestContext,
  overrides: Partial<Config> = {},
  requestTimeout = 30_000,
): Promise<ApiStand> {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), "millrace-payloads-"));
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const client = await pool.connect();
  await migrate(client).finally(() => client.release());
  const store = await openPrepared(folder);
  const tiers = [
    { store: "database", below: FILE_FROM },
    { store: "directory", below: Number.POSITIVE_INFINITY },
  ] as const;
  const payloads = new PayloadService({
    catalog: postgresCatalog(() => pool),
    stores: new Stores(tiers, [store]),
    cache: 0,
    clock: systemClock(),
    log: silentLogger,
  });
  const api = await startTestApi(t, overrides, { payloads, requestTimeout });
  t.after(async () => {
    await pool.end();
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  const count = async (table: string): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
    return rows[0]?.n ?? 0;
  };
  return {
    ...api,
    pool,
    folder,
    traces: async () => [await count("payloads"), await count("payload_leftovers")],
  };
}
