/** What every group of figures is given, and how they take medians of interleaved rounds. */
import { type Failure, type Program, type Result, run } from "./contenders.ts";
import { type Figure, median, type Peer } from "./figure.ts";
import type { Job } from "./job.ts";
import type { Pgbench } from "./pgbench.ts";
import type { BenchPostgres } from "./postgres.ts";

export interface Bench {
  readonly postgres: BenchPostgres;
  readonly pgbench?: Pgbench;
  /** Set when the peers could not be installed: why. */
  readonly noPeers?: string;
  readonly quick: boolean;
  readonly log: (line: string) => void;
  /** Told when rounds were left out because the machine was too busy for them. */
  readonly onCut: () => void;
}

export interface Group {
  /** First part of its figures' names. */
  readonly name: string;
  run(bench: Bench): Promise<readonly Figure[]>;
}

/** Callers at saturation. */
export const CONCURRENCY = 500;
/** Seconds after which no other round begins that would end beyond them. */
const BUDGET = 220;
/** A contender that needs more seconds than this beyond its load is ended. */
const OVERHEAD = 45;

export interface Timing {
  readonly rounds: number;
  /** Seconds. */
  readonly warmUp: number;
  readonly measure: number;
}

/** Few and short when quick. */
export function timing({ quick }: Pick<Bench, "quick">): Timing {
  return quick ? { rounds: 1, warmUp: 2, measure: 2 } : { rounds: 3, warmUp: 2, measure: 5 };
}

export interface Entry {
  readonly program: Program;
  readonly job: Pick<Job, "steps" | "load">;
}

/** Results of one contender over all rounds; the failure when it has none. */
export type Outcome = readonly Result[] | Failure;

/**
 * Runs all entries once per round, each round beginning with another one, and `yardstick` before each.
 * @returns by the program's name
 */
export async function interleaved(
  bench: Bench,
  rounds: number,
  entries: readonly Entry[],
  yardstick: () => Promise<void>,
): Promise<ReadonlyMap<string, Outcome>> {
  const results = new Map<string, Result[]>(entries.map(({ program }) => [program.name, []]));
  const failures = new Map<string, Failure>();
  const since = performance.now();
  for (let round = 0; round < rounds; round++) {
    const elapsed = (performance.now() - since) / 1000;
    if (round > 0 && elapsed + elapsed / round > BUDGET) {
      bench.log(`  no more rounds: ${round} took ${Math.round(elapsed)} s`);
      bench.onCut();
      break;
    }
    await yardstick();
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(round + turn) % entries.length];
      // What failed once would only cost time again.
      if (entry === undefined || failures.has(entry.program.name)) continue;
      const { name } = entry.program;
      const result = await once(bench, entry);
      if (result.kind === "failed") failures.set(name, result);
      else results.get(name)?.push(result);
      bench.log(`  ${name}: ${describe(result)}`);
    }
  }
  return new Map(
    [...results].map(([name, all]) => [name, all.length > 0 ? all : (failures.get(name) ?? [])]),
  );
}

function once(bench: Bench, { program, job }: Entry): Promise<Result | Failure> {
  if (bench.noPeers !== undefined && program.module.startsWith("peers/"))
    return Promise.resolve({ kind: "failed", reason: bench.noPeers });
  const { load } = job;
  const seconds = load.kind === "count" ? 60 : load.warmUp + 3 * load.measure;
  return run(bench.postgres, program, job, { limit: seconds + OVERHEAD });
}

function describe(result: Result | Failure): string {
  if (result.kind === "failed") return result.reason;
  const { count, seconds, latency } = result.measured;
  if (latency === undefined) return `${Math.round(count / seconds)}/s`;
  return `p50 ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms`;
}

/** Pieces of work per second. */
export function rate({ measured }: Result): number {
  return measured.count / measured.seconds;
}

export interface Value {
  readonly value: number | null;
  readonly reason?: string;
}

/** The median over the rounds of what `of` takes from each; a reason instead when there is none. */
export function valueOf(
  outcome: Outcome | undefined,
  of: (result: Result) => number | undefined,
  otherwise = "not measurable here",
): Value {
  if (outcome === undefined) return { value: null, reason: "not run" };
  if ("reason" in outcome) return { value: null, reason: outcome.reason };
  const values = outcome.map(of).filter((value) => value !== undefined);
  if (values.length === 0) return { value: null, reason: otherwise };
  return { value: median(values) };
}

export function peersOf(
  programs: readonly Program[],
  outcomes: ReadonlyMap<string, Outcome>,
  of: (result: Result) => number | undefined,
  otherwise?: string,
): readonly Peer[] {
  return programs.map(({ name }) => ({ name, ...valueOf(outcomes.get(name), of, otherwise) }));
}

/** The part of a figure that says its value, or in its note why there is none. */
export function ownValue({ value, reason }: Value, note?: string): Pick<Figure, "value" | "note"> {
  const text = [reason, note].filter((part) => part !== undefined).join("; ");
  return { value, ...(text === "" ? {} : { note: text }) };
}
