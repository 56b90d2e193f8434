/**
 * `npm run test:sim -- [--seeds N] [--seed S]`: runs N seeds from S on (1,000 from 1), says what went wrong and which rare
 * paths were taken. With `--seed` alone it runs that one and prints what happened in it. Exits 1 on a violation, or when
 * 500 seeds or more have not taken a rare path. With `--until-failure` it stops at the first violation and says no more.
 */
import { parseArgs } from "node:util";
import {
  missing,
  runSeeds,
  type SimulationReport,
  simulateSeed,
} from "@millrace/testkit/simulator";

const ENOUGH = 500;
/** Failures that are told in full. */
const SHOWN = 5;
const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    "until-failure": { type: "boolean" },
  },
});
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 1000 : 1));
if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
  console.error("usage: npm run test:sim -- [--seeds N] [--seed S]");
  process.exitCode = 2;
} else if (values["until-failure"] === true) process.exitCode = await untilFailure();
else process.exitCode = count === 1 ? await one() : await many();

async function untilFailure(): Promise<number> {
  const { seeds, failures } = await runSeeds({ first, count, stopAtFirst: true });
  const [failure] = failures;
  if (failure === undefined) console.log(`no violation in ${seeds} seeds`);
  else console.log(`seed ${failure.seed} after ${seeds} seeds: ${failure.violation}`);
  return failure === undefined ? 0 : 1;
}

async function one(): Promise<number> {
  const report = await simulateSeed(first);
  show(report, report.trace.length);
  if (report.violation === undefined) console.log(`seed ${first} holds every invariant`);
  console.log(`digest ${report.digest}`);
  return report.violation === undefined ? 0 : 1;
}

async function many(): Promise<number> {
  const began = performance.now();
  let told = 0;
  let shown = 0;
  const report = await runSeeds({
    first,
    count,
    onFailure(failure) {
      shown += 1;
      if (shown <= SHOWN) show(failure, 30);
    },
    onProgress(done) {
      if (done - told < 5000) return;
      told = done;
      console.log(`${done} seeds`);
    },
  });
  const { seeds, figures, tally, failures } = report;
  for (const [name, times] of Object.entries(tally))
    console.log(`${String(times).padStart(9)}  ${name}`);
  const never = seeds < ENOUGH ? [] : missing(tally);
  for (const name of never) console.log(`NEVER: ${name}`);
  const days = (figures.elapsed / 86_400_000).toFixed(1);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${seeds} seeds from ${first}: ${failures.length} violations, ${never.length} paths never taken; ` +
      `${figures.instances} instances, ${figures.happened} happenings, ${days} simulated days, ${seconds} s`,
  );
  return failures.length + never.length > 0 ? 1 : 0;
}

function show({ seed, violation, trace }: SimulationReport, lines: number): void {
  console.log(trace.slice(-lines).join("\n"));
  if (violation === undefined) return;
  console.log(`\nseed ${seed}: ${violation}\nreplay: npm run test:sim -- --seed ${seed}\n`);
}
