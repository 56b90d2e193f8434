/** A process to be killed: starts instances without end, and prints the key of each one that was acknowledged. */
import { writeSync } from "node:fs";
import { loadConfig, silentLogger } from "@millrace/server";
import { systemClock } from "../src/clock.ts";
import { openPostgresRuntime } from "../src/runtime/open.ts";
import { start } from "./harness.ts";

const [databaseUrl = "", from = "0"] = process.argv.slice(2);
const executor = { execute: async () => ({ output: { done: true } }) };
const config = loadConfig({}, { databaseUrl, exclusive: true });
const { runtime } = await openPostgresRuntime({
  config,
  log: silentLogger,
  clock: systemClock(),
  executor,
});
let next = Number(from);
const starter = async (): Promise<void> => {
  for (;;) {
    next += 1;
    const key = `order-${next}`;
    await start(runtime, "order", { n: next }, key);
    writeSync(1, `${key}\n`);
  }
};
await Promise.all(Array.from({ length: 16 }, starter));
