/**
 * Fuzzes one target or all: `npm run fuzz -- [--target yaml|definition|engine|api] [--count N] [--seed S]`, or runs a finding
 * again: `npm run fuzz -- --target T --replay FILE`. Prints what came of the inputs. A finding is shrunk, written to a
 * file and shown with the command that replays it; then the exit code is 1.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestServer, stopTestServer } from "@millrace/testkit";
import { type Finding, replay, runCampaign, type Target, TARGETS } from "@millrace/testkit/fuzz";

const FINDINGS = join(import.meta.dirname, "../.fuzz");

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    replay: { type: "string" },
  },
});
const targets = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
if (targets.length === 0) {
  throw new Error(`--target: expected one of ${TARGETS.map(({ name }) => name).join(", ")}`);
}
const [seed, count] = [whole("seed"), whole("count")];
let found = 0;
if (targets.some(({ name }) => name === "api")) await startTestServer();
for (const target of targets) {
  found += values.replay === undefined ? await fuzz(target) : await again(target, values.replay);
}
await stopTestServer();
process.exitCode = found > 0 ? 1 : 0;

function whole(name: "seed" | "count"): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name}: expected a whole number`);
}

/** The number of findings. */
async function fuzz(target: Target): Promise<number> {
  const began = performance.now();
  const { counts, findings } = await runCampaign(target, { seed, count, onProgress: progress });
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`${target.name}: ${total} inputs of seed ${seed} in ${seconds} s`);
  for (const [outcome, times] of [...counts].toSorted((a, b) => b[1] - a[1])) {
    console.log(`  ${String(times).padStart(8)}  ${outcome}`);
  }
  for (const [n, finding] of findings.entries()) show(finding, n);
  console.log(`  ${findings.length} findings`);
  return findings.length;
}

function progress(done: number): void {
  if (process.stderr.isTTY && done % 100 === 0) process.stderr.write(`\r${done} `);
}

function show({ target, index, problem, input }: Finding, n: number): void {
  mkdirSync(FINDINGS, { recursive: true });
  const file = join(FINDINGS, `${target}-${seed}-${n}.json`);
  writeFileSync(file, `${JSON.stringify(input, undefined, 2)}\n`);
  console.log(`\nFINDING in ${target}, input ${index} of seed ${seed}: ${problem.kind}`);
  console.log(problem.detail);
  console.log(`shrunk: ${JSON.stringify(input).slice(0, 2_000)}`);
  console.log(`replay: npm run fuzz -- --target ${target} --replay ${file}\n`);
}

async function again(target: Target, file: string): Promise<number> {
  const verdict = await replay(target, JSON.parse(readFileSync(file, "utf8")));
  console.log(JSON.stringify(verdict, undefined, 2));
  return verdict.problem === undefined ? 0 : 1;
}
