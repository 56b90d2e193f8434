/** A runtime that keeps large values among the payloads, on a database of the test's own. */
import type { Json, JsonObject } from "@millrace/language";
import { createDatabase } from "@millrace/testkit";
import pg from "pg";
import type { ActivityExecutor } from "../../src/activities/executor.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import type { Logger } from "../../src/logger.ts";
import type { RunningRuntime } from "../../src/main.ts";
import { openPayloads } from "../../src/payloads/open.ts";
import type { EngineValues, Payloads } from "../../src/payloads/payloads.ts";
import { openPostgresRuntime } from "../../src/runtime/open.ts";
import type { Runtime } from "../../src/runtime.ts";
import type { Schedules } from "../../src/scheduler/service.ts";
import type { Workers } from "../../src/workers/workers.ts";

export interface LargeStand {
  readonly pool: pg.Pool;
  readonly url: string;
  /** Of the node opened last. */
  readonly runtime: Runtime;
  readonly schedules: Schedules;
  readonly payloads: Payloads;
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[];
  /** Another node takes all partitions; the one before is stopped first unless it `lingers`. */
  again(options?: { readonly lingers?: boolean }): Promise<void>;
  /** Rows of payloads, by size. */
  stored(): Promise<
    readonly { readonly tenant: string; readonly size: number; readonly digest: string }[]
  >;
  /** Digests that this holder refers to. */
  refs(holder: string): Promise<readonly string[]>;
  /** One column of one row. */
  text(sql: string, values: readonly unknown[]): Promise<string>;
  stop(): Promise<void>;
}

export interface LargeOptions {
  readonly execute?: ActivityExecutor["execute"];
  /** What remote workers do; `execute` hands it their work. */
  readonly workers?: Workers;
  /** Stands before the store of large values. */
  readonly values?: (payloads: Payloads) => EngineValues;
}

export async function largeStand(
  workflows: readonly string[],
  { execute = async () => ({ output: null }), workers, values = (all) => all }: LargeOptions = {},
): Promise<LargeStand> {
  const database = await createDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const config = loadConfig(
    { MILLRACE_PAYLOAD_STORES: "database<16MiB" },
    { databaseUrl: database.url, exclusive: true },
  );
  const logged: LargeStand["logged"] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields, message });
  const log: Logger = { debug() {}, info() {}, warn: say("warn"), error: say("error") };
  const clock = systemClock();
  const open = async () => {
    const payloads = await openPayloads(config, clock, log);
    const running: RunningRuntime = await openPostgresRuntime({
      config,
      log,
      clock,
      executor: { execute },
      payloads: values(payloads.payloads),
      ...(workers === undefined ? {} : { workers }),
    });
    const stop = async (): Promise<void> => {
      await running.stop();
      await payloads.close();
    };
    return { payloads: payloads.payloads, running, stop };
  };
  let node = await open();
  const left: (typeof node)[] = [];
  for (const text of workflows) await node.running.runtime.applyWorkflow({ text });
  return {
    pool,
    url: database.url,
    logged,
    get runtime() {
      return node.running.runtime;
    },
    get schedules() {
      return node.running.schedules;
    },
    get payloads() {
      return node.payloads;
    },
    async again({ lingers = false } = {}) {
      if (lingers) left.push(node);
      else await node.stop();
      node = await open();
    },
    async stored() {
      const { rows } = await pool.query<{ tenant: string; size: string; digest: string }>(
        "SELECT tenant, size, encode(digest, 'hex') AS digest FROM payloads ORDER BY size, tenant",
      );
      return rows.map((row) => ({ ...row, size: Number(row.size) }));
    },
    async refs(holder) {
      const { rows } = await pool.query<{ digest: string }>(
        "SELECT encode(digest, 'hex') AS digest FROM payload_refs WHERE holder = $1 ORDER BY 1",
        [holder],
      );
      return rows.map(({ digest }) => digest);
    },
    async text(sql, of) {
      const { rows } = await pool.query<{ text: string }>(sql, [...of]);
      return rows[0]?.text ?? "";
    },
    async stop() {
      for (const each of [...left, node]) await each.stop();
      await pool.end();
      await database.drop();
    },
  };
}

/** About so many bytes of JSON, told apart by `name`. */
export function scan(name: string, bytes: number): JsonObject {
  const line = `${name} `.repeat(Math.ceil(1000 / (name.length + 1)));
  return { name, lines: Array.from({ length: Math.ceil(bytes / (line.length + 3)) }, () => line) };
}

export const digestOf = async (value: Json): Promise<string> => {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
};
