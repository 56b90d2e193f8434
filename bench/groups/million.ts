/** A million instances in one process and one database: does its memory stay flat, and what is left in the tables? */
import { type Bench, CONCURRENCY, type Group, ownValue, rate, type Value } from "../bench.ts";
import { type Failure, type Result, run } from "../contenders.ts";
import { type Figure, median } from "../figure.ts";
import { type TableSize, tableSizes } from "../postgres.ts";
import { OURS } from "../programs.ts";

/** Autovacuum looks every minute; seconds to wait for it. */
const VACUUM = 75;
/** Below this many dead rows autovacuum leaves a table alone. */
const FEW = 20_000;
/** Seconds for as many as a busy machine does, and those after which it is ended. */
const ENOUGH = 240;
const LIMIT = ENOUGH + 60;

export const million: Group = {
  name: "million",
  async run(bench) {
    const total = bench.quick ? 50_000 : 1_000_000;
    const sizes: Sizes = { largestLive: 0, last: [], vacuumed: false };
    const load = { kind: "count", concurrency: CONCURRENCY, total, atMost: ENOUGH } as const;
    const job = { steps: 1, load } as const;
    const result = await run(bench.postgres, OURS, job, {
      limit: LIMIT,
      observe: (url, ended) => watch(url, ended, sizes, bench),
    });
    const count = result.kind === "failed" ? 0 : result.measured.count;
    const note = `${count.toLocaleString("en")} one-activity instances`;
    return [...memory(result, note), ...storage(result, sizes, count, note)];
  },
};

interface Sizes {
  largestLive: number;
  last: readonly TableSize[];
  /** Whether vacuum had come to every table that needed it. */
  vacuumed: boolean;
}

async function watch(
  url: string,
  ended: Promise<unknown>,
  sizes: Sizes,
  { quick, log }: Bench,
): Promise<void> {
  const run = { ended: false };
  const end = (async () => {
    await ended;
    run.ended = true;
  })();
  const look = async (): Promise<void> => {
    sizes.last = await tableSizes(url);
    sizes.largestLive = Math.max(sizes.largestLive, bytes(sizes.last, isLive));
  };
  while (!run.ended) {
    await Promise.race([end, pause(2)]);
    await look();
  }
  const before = new Map(sizes.last.map(({ table, vacuums }) => [table, vacuums]));
  const until = performance.now() + (quick ? 2 : VACUUM) * 1000;
  do {
    await pause(1);
    await look();
    sizes.vacuumed = sizes.last.every(
      ({ table, dead, vacuums }) => dead < FEW || vacuums > (before.get(table) ?? 0),
    );
  } while (!sizes.vacuumed && performance.now() < until);
  log(
    `  tables: ${sizes.last.map(({ table, bytes }) => `${table} ${mebibytes(bytes)}`).join(", ")}`,
  );
}

function memory(result: Result | Failure, note: string): readonly Figure[] {
  const common = { unit: "MiB", better: "lower", peers: [] } as const;
  const of = (take: (samples: readonly number[]) => number): Value => {
    if (result.kind === "failed") return { value: null, reason: result.reason };
    return { value: take(result.resident) };
  };
  const quarter = (samples: readonly number[], index: number): number => {
    const part = samples.slice((samples.length * index) / 4, (samples.length * (index + 1)) / 4);
    return median(part.length === 0 ? samples : part);
  };
  return [
    {
      name: "million.rate",
      title: "1-activity workflows, over the whole run",
      unit: "workflows/s",
      better: "higher",
      peers: [],
      ...ownValue(
        result.kind === "failed" ? { value: null, reason: result.reason } : { value: rate(result) },
        note,
      ),
    },
    {
      ...common,
      name: "million.memory",
      title: "largest resident memory of our process",
      ...ownValue(
        of((samples) => Math.max(...samples)),
        `${note}; sampled twice a second`,
      ),
    },
    {
      ...common,
      name: "million.memory-growth",
      title: "growth of it",
      ...ownValue(
        of((samples) => quarter(samples, 3) - quarter(samples, 1)),
        "median of the last quarter of the run less that of the second",
      ),
    },
  ];
}

function storage(
  result: Result | Failure,
  { last, largestLive, vacuumed }: Sizes,
  count: number,
  note: string,
): readonly Figure[] {
  const common = { better: "lower", peers: [] } as const;
  const value = (amount: number): Value =>
    result.kind === "failed" ? { value: null, reason: result.reason } : { value: amount };
  const when = vacuumed ? "after vacuum" : "vacuum had not come to every table yet";
  const perInstance = (name: string, title: string, of: (table: string) => boolean): Figure => ({
    ...common,
    name,
    title,
    unit: "bytes/instance",
    ...ownValue(value(bytes(last, of) / count), `with indexes; ${note}, ${when}`),
  });
  return [
    perInstance(
      "million.kept",
      "what is kept of an instance that has ended, with its history",
      isKept,
    ),
    {
      ...common,
      name: "million.live",
      title: "all other tables (live instances, activities, timers, inbox …)",
      unit: "MiB",
      ...ownValue(
        value(bytes(last, isLive) / 2 ** 20),
        `${when}; at most ${mebibytes(largestLive)} during the run`,
      ),
    },
  ];
}

/** Tables that grow with what is kept. */
const isKept = (table: string): boolean => /^(finished|history)/.test(table);
const isLive = (table: string): boolean => !isKept(table);

function bytes(sizes: readonly TableSize[], of: (table: string) => boolean): number {
  return sizes.reduce((sum, { table, bytes }) => sum + (of(table) ? bytes : 0), 0);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, seconds * 1000));
}
