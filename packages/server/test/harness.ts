/** A runtime on a database of the test's own, and the workflows tests use. */
import type { HistoryEvent } from "@millrace/engine";
import type { ActivityExecutor } from "@millrace/server/local";
import { loadConfig, type RunningRuntime, silentLogger } from "@millrace/server";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { systemClock } from "../src/clock.ts";
import type { DocumentFetcher } from "../src/external/source.ts";
import { openPostgresRuntime } from "../src/runtime/open.ts";
import type { Runtime } from "../src/runtime.ts";

export const document = (name: string): string =>
  `document: { dsl: '1.0.3', namespace: test, name: ${name}, version: '1.0.0' }`;

export const HELLO = `${document("hello")}
do: [ { greet: { set: { message: '\${ "Hello " + .name }' } } } ]`;

export const CALLER = `${document("caller")}
do: [ { c: { call: http, with: { method: post, endpoint: http://shop/ } } } ]`;

/** Opens a runtime that takes all partitions from whoever has them. */
export function open(
  database: TestDatabase,
  execute: ActivityExecutor["execute"] = async () => ({ output: null }),
  fetcher?: DocumentFetcher,
): Promise<RunningRuntime> {
  const executor: ActivityExecutor = { execute };
  const config = loadConfig({}, { databaseUrl: database.url, exclusive: true });
  const parts = { config, log: silentLogger, clock: systemClock(), executor };
  return openPostgresRuntime(fetcher === undefined ? parts : { ...parts, fetcher });
}

/** A database with these workflows applied, and its runtime. */
export async function fresh(
  workflows: readonly string[],
  execute?: Parameters<typeof open>[1],
): Promise<{ database: TestDatabase; opened: RunningRuntime; runtime: Runtime }> {
  const database = await createDatabase();
  const opened = await open(database, execute);
  for (const text of workflows) await opened.runtime.applyWorkflow({ text });
  return { database, opened, runtime: opened.runtime };
}

/** The whole history, checked for gaps and duplicates. */
export async function history(runtime: Runtime, id: string): Promise<readonly HistoryEvent[]> {
  const { events } = await runtime.getHistory(id, 0, 10_000);
  for (const [index, event] of events.entries())
    if (event.seq !== index + 1) throw new Error(`history of ${id}: ${event.seq} at ${index + 1}`);
  return events;
}

export const start = (
  runtime: Runtime,
  name: string,
  input: Parameters<Runtime["startInstance"]>[0]["input"] = {},
  idempotencyKey?: string,
): ReturnType<Runtime["startInstance"]> =>
  runtime.startInstance({
    namespace: "test",
    name,
    input,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
