/** A process to be killed: posts events and starts the instances that wait for them, and prints each key that is acknowledged. */
import { writeSync } from "node:fs";
import { loadConfig, silentLogger } from "@millrace/server";
import { systemClock } from "../../src/clock.ts";
import { openPostgresRuntime } from "../../src/runtime/open.ts";
import { start } from "../harness.ts";

const [databaseUrl = "", from = "0"] = process.argv.slice(2);
const { runtime } = await openPostgresRuntime({
  config: loadConfig({}, { databaseUrl, exclusive: true }),
  log: silentLogger,
  clock: systemClock(),
  executor: { execute: async () => ({ output: null }) },
});
let next = Number(from);
const post = (n: number, step: string) =>
  runtime.publishEvents([
    { specversion: "1.0", id: `${n} ${step}`, source: `/s${n % 8}`, type: step, data: { n, step } },
  ]);
const busy = async (): Promise<void> => {
  for (;;) {
    next += 1;
    const n = next;
    // Before the instance, with it, and after it.
    await post(n, "one");
    await Promise.all([start(runtime, "three", { n }, `k${n}`), post(n, "two")]);
    await post(n, "three");
    writeSync(1, `${n}\n`);
  }
};
await Promise.all(Array.from({ length: 12 }, busy));
