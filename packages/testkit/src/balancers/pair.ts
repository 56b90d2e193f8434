/** Two real servers on one database, each a process that is started again when it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerProcess } from "../crash/server-process.ts";
import { createDatabase } from "../postgres.ts";
import type { NodePorts } from "./balancer.ts";
import { KEYS } from "./load.ts";

/** Milliseconds for whatever has to come: a busy machine takes its time. */
const PATIENCE = 60_000;

export interface Pair {
  readonly nodes: readonly [ServerProcess, ServerProcess];
  readonly ports: NodePorts;
  /** Resolves when both are up. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPair(environment: Readonly<Record<string, string>> = {}): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-pair-"));
  const database = await createDatabase();
  const node = (name: string): Promise<ServerProcess> =>
    ServerProcess.start({
      words: ["server"],
      environment: {
        MILLRACE_DATABASE_URL: database.url,
        MILLRACE_API_KEYS: KEYS.join(),
        ...environment,
      },
      log: join(folder, name),
    });
  // One after the other: the first one makes the tables.
  const first = await node("first.log");
  await until("the first node is up", () => first.isUp);
  const second = await node("second.log");
  const nodes = [first, second] as const;
  const pair: Pair = {
    nodes,
    ports: [Number(new URL(first.url).port), Number(new URL(second.url).port)],
    up: () => until("both nodes are up", () => nodes.every(({ isUp }) => isUp)),
    async stop() {
      await Promise.all(nodes.map((one) => one.stop()));
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await pair.up();
  return pair;
}

/** @throws when it has not come true in a minute */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`it never came to be that ${what}`);
    await sleep(20);
  }
}
