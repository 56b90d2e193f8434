/**
 * Measures jq evaluations per second beside other engines. Every engine must give what ours gives before anything is timed; one
 * that fails or differs is left out of that expression, with the reason. Rounds go through all expressions and engines in
 * turn, so that what the machine does meanwhile touches all alike; the median of the rounds counts. Seconds are seconds of
 * processor time, which on an idle machine are the clock's.
 */
import { isDeepStrictEqual } from "node:util";
import type { Figure, Peer } from "../figure.ts";
import { median } from "../figure.ts";
import { CASES } from "./cases.ts";
import type { Case } from "./cases.ts";
import { millrace, peers } from "./engines.ts";
import type { Engine, Evaluate } from "./engines.ts";

interface Lane {
  readonly engine: Engine;
  /** Why it takes no part, when it does not. */
  readonly reason: string | undefined;
  readonly evaluate: Evaluate;
  /** Evaluations that fill one round, near enough. */
  batch: number;
  /** Evaluations per second of processor time, one value a round. */
  readonly rates: number[];
}

interface Track {
  readonly item: Case;
  readonly ours: Lane;
  readonly others: readonly Lane[];
}

/** As JSON: what a workflow would see of it. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

const IDLE: Evaluate = () => undefined;

async function laneOf(engine: Engine, item: Case, expected: unknown): Promise<Lane> {
  const out = (reason: string): Lane => ({ engine, reason, evaluate: IDLE, batch: 1, rates: [] });
  try {
    const evaluate = engine.prepare(item);
    if (evaluate === undefined) return out("no equivalent");
    // Twice: some engines leave something behind.
    for (let n = 0; n < 2; n += 1) {
      const got = plain(await evaluate());
      if (!isDeepStrictEqual(got, expected)) return out("another result");
    }
    return { engine, reason: undefined, evaluate, batch: 1, rates: [] };
  } catch (error) {
    return out(
      `error: ${error instanceof Error ? error.message : String(error)}`.split("\n")[0] ?? "error",
    );
  }
}

/** Results land here, so that no evaluation can be optimised away. */
let kept: unknown;

/** Milliseconds of processor time since the process began, on all of its threads: garbage counts, other programs do not. */
function spentMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of processor time that a number of evaluations take. */
async function time({ engine, evaluate }: Lane, count: number): Promise<number> {
  const began = spentMs();
  if (engine.isAsync) for (let n = 0; n < count; n += 1) kept = await evaluate();
  else for (let n = 0; n < count; n += 1) kept = evaluate();
  return Math.max(spentMs() - began, 0.001);
}

/**
 * Warms a lane up and finds how many evaluations fill a slice, in milliseconds. The best try counts: a slow one may have been
 * the machine's doing.
 */
async function calibrate(lane: Lane, slice: number): Promise<void> {
  let best = 0;
  let spent = 0;
  for (let count = 1; spent < slice * 4; ) {
    const took = await time(lane, count);
    spent += took;
    best = Math.max(best, count / took);
    count = Math.max(1, Math.min(count * 2, Math.ceil(best * slice)));
  }
  lane.batch = Math.max(1, Math.round(best * slice));
}

async function measure(tracks: readonly Track[], quick: boolean): Promise<void> {
  const slice = quick ? 6 : 25;
  const lanes = tracks.flatMap(({ ours, others }) =>
    [ours, ...others].filter((lane) => lane.reason === undefined),
  );
  for (const lane of lanes) await calibrate(lane, slice);
  for (let round = 0; round < (quick ? 3 : 9); round += 1) {
    for (const lane of lanes) {
      lane.rates.push((lane.batch * 1000) / (await time(lane, lane.batch)));
    }
  }
}

async function trackOf(item: Case, engines: readonly Engine[]): Promise<Track> {
  const expected = plain(millrace.prepare(item)?.());
  const ours = await laneOf(millrace, item, expected);
  if (ours.reason !== undefined) throw new Error(`${item.name}: ${ours.reason}`);
  const others: Lane[] = [];
  for (const engine of engines) others.push(await laneOf(engine, item, expected));
  return { item, ours, others };
}

function peerOf({ engine: { name }, reason, rates }: Lane): Peer {
  return reason === undefined ? { name, value: median(rates) } : { name, value: null, reason };
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Our mean over all expressions; each peer's such that the ratio is the mean ratio over those it takes part in. */
function meanOf(figures: readonly Figure[]): Figure {
  const rates = figures.map(({ value }) => value as number);
  const value = geometricMean(rates);
  const names = figures[0]?.peers.map(({ name }) => name) ?? [];
  const means = names.map((name, at): Peer => {
    const ratios = figures.flatMap((figure) => {
      const other = figure.peers[at]?.value ?? null;
      return other === null ? [] : [(figure.value as number) / other];
    });
    return {
      name: `${name} (${ratios.length} of ${figures.length})`,
      value: value / geometricMean(ratios),
    };
  });
  return {
    name: "jq.mean",
    title: `Geometric mean of ${figures.length} expressions`,
    value,
    unit: "evaluations/s",
    better: "higher",
    peers: means,
    note: "a peer's value is ours divided by the geometric mean of the ratios of the expressions it takes part in",
  };
}

/** jq evaluations per second, one figure an expression, after `jq.mean`. */
export async function jqBench({ quick = false }: { quick?: boolean } = {}): Promise<Figure[]> {
  const engines = await peers();
  const tracks: Track[] = [];
  for (const item of CASES) tracks.push(await trackOf(item, engines));
  await measure(tracks, quick);
  if (kept === undefined) throw new Error("the last evaluation gave nothing");
  const figures = tracks.map(
    ({ item, ours, others }): Figure => ({
      name: `jq.${item.name}`,
      title: item.jq,
      value: median(ours.rates),
      unit: "evaluations/s",
      better: "higher",
      peers: others.map(peerOf),
      note: `${item.document} document`,
    }),
  );
  return [meanOf(figures), ...figures];
}
