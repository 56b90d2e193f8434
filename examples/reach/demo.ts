/** Starts the counterparts of reach.yaml, runs it with `millrace run`, and shows what arrived. Exits 1 when it did not. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { startCounterparts } from "./counterparts.ts";

const repository = join(import.meta.dirname, "../..");
const INPUT = JSON.stringify({ sku: "tea", count: 2 });

const counterparts = await startCounterparts();
try {
  const words = [
    "packages/cli/bin/millrace.js",
    "run",
    "examples/reach/reach.yaml",
    "--input",
    INPUT,
  ];
  const child = spawn(process.execPath, words, { cwd: repository, stdio: "inherit" });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`millrace run ended with ${code}`);
  console.log(`with a token: ${[...new Set(counterparts.admitted)].join(", ")}`);
  console.log(`on Kafka: ${await counterparts.announced()}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await counterparts.stop();
}
