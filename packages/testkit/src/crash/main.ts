/**
 * Real crashes: rounds of load and one fault each, on a real server and a real PostgreSQL with fsync on.
 *
 *     npm run test:crash -- [--rounds 11] [--seed 1] [--only KIND] [--mode embedded|given]
 *     npm run test:crash -- --firings 100      the server is killed so many times while schedules are due
 *     npm run test:crash -- --payloads 100     the server is killed so many times in the midst of 10,000 uploads at once
 *
 * Prints a line for each round and the totals; exits with 1 when anything is not zero that should be. Ctrl-C ends the run
 * after the round under way; a second one at once.
 */
import { parseArgs } from "node:util";
import { FAULTS, KINDS } from "./faults.ts";
import { isBad, runFirings } from "./firings.ts";
import { isBadPayloads, runPayloads } from "./payloads.ts";
import { FAULTY, runRounds } from "./run.ts";
import { MODES } from "./stand.ts";

/** Of a round with payloads. */
const UPLOADS = 10_000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: String(KINDS.length) },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    mode: { type: "string" },
    firings: { type: "string" },
    payloads: { type: "string" },
  },
});

function oneOf<T extends string>(name: string, text: string | undefined, all: readonly T[]) {
  const found = all.find((each) => each === text);
  if (text === undefined || found !== undefined) return found;
  throw new Error(`--${name} ${text}: expected one of ${all.join(", ")}`);
}

function number(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${name} ${text}: expected a whole number`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Ctrl-C once ends the run in order. */
function ending(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => controller.abort());
  return controller.signal;
}

async function fire(kills: number, seed: number): Promise<never> {
  const totals = await runFirings({ kills, seed, say, signal: ending() });
  sayAll(totals);
  process.exit(isBad(totals) ? 1 : 0);
}

async function upload(rounds: number, seed: number): Promise<never> {
  const totals = await runPayloads({ rounds, uploads: UPLOADS, seed, say, signal: ending() });
  sayAll(totals);
  process.exit(isBadPayloads(totals) ? 1 : 0);
}

function sayAll(totals: object): void {
  say(
    Object.entries(totals)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  );
}

try {
  if (values.firings !== undefined)
    await fire(number("firings", values.firings), number("seed", values.seed));
  if (values.payloads !== undefined)
    await upload(number("payloads", values.payloads), number("seed", values.seed));
  const only = oneOf("only", values.only, KINDS);
  const rounds = number("rounds", values.rounds);
  for (const kind of only === undefined ? KINDS : [only]) say(`${kind}: ${FAULTS[kind].what}`);
  const began = performance.now();
  const seed = number("seed", values.seed);
  const totals = await runRounds({
    signal: ending(),
    rounds,
    seed,
    only,
    mode: oneOf("mode", values.mode, MODES),
    say,
  });
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  say(
    `${totals.rounds} rounds (${totals.skipped} skipped) in ${minutes} min: ` +
      `${totals.acknowledged} of ${totals.started} starts acknowledged, ${totals.turnedAway} answers 503`,
  );
  say(FAULTY.map((each) => `${each} ${totals[each]}`).join(", "));
  process.exit(totals.failed === 0 ? 0 : 1);
} catch (error) {
  process.stderr.write(`test:crash: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
