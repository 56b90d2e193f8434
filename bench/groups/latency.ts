/** Milliseconds from the instant a start was due to the known end of the workflow, at fixed rates, without coordinated omission. */
import {
  type Bench,
  type Group,
  interleaved,
  ownValue,
  peersOf,
  timing,
  valueOf,
} from "../bench.ts";
import type { Result } from "../contenders.ts";
import { type Figure, median } from "../figure.ts";
import { DBOS, OURS, RESTATE_4 } from "../programs.ts";

/** Starts per second. */
const RATES = [100, 500];
const BEHIND = "could not keep up: some had not ended 10 s after the last was due";
const PEERS = [DBOS, RESTATE_4];

export const latency: Group = {
  name: "latency",
  async run(bench) {
    const figures: Figure[] = [];
    for (const rate of RATES) figures.push(...(await atRate(bench, rate)));
    return figures;
  },
};

async function atRate(bench: Bench, rate: number): Promise<readonly Figure[]> {
  const { rounds, warmUp, measure: short } = timing(bench);
  // The 99th percentile wants more of them than a rate does.
  const measure = short + 2;
  const pgbench: { readonly p50: number; readonly p99: number }[] = [];
  const entries = [OURS, ...PEERS].map((program) => ({
    program,
    job: { steps: 3 as const, load: { kind: "open" as const, rate, warmUp, measure } },
  }));
  bench.log(`  ${rate}/s:`);
  const outcomes = await interleaved(bench, rounds, entries, async () => {
    const times = await bench.pgbench?.latency(rate, short);
    if (times === undefined) return;
    pgbench.push(times);
    bench.log(`  pgbench: p50 ${times.p50.toFixed(2)} ms, p99 ${times.p99.toFixed(2)} ms`);
  });
  return (["p50", "p99"] as const).map((part) => {
    const of = ({ measured }: Result): number | undefined =>
      // Whoever left some undone has no such time.
      measured.unfinished === 0 ? measured.latency?.[part] : undefined;
    return {
      name: `latency.${rate}.${part}`,
      title: `3-activity workflow, start to end, at ${rate}/s, ${part}`,
      unit: "ms",
      better: "lower",
      ...ownValue(valueOf(outcomes.get(OURS.name), of, BEHIND)),
      peers: peersOf(PEERS, outcomes, of, BEHIND),
      ...(pgbench.length === 0 ? {} : { pgbench: median(pgbench.map((times) => times[part])) }),
    };
  });
}
