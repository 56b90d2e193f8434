/** Workflows per second with as many callers as keep everyone busy, each waiting for the end of one before the next. */
import {
  type Bench,
  CONCURRENCY,
  type Entry,
  type Group,
  interleaved,
  type Outcome,
  ownValue,
  peersOf,
  rate,
  timing,
  valueOf,
} from "../bench.ts";
import type { Program, Result } from "../contenders.ts";
import { type Figure, median } from "../figure.ts";
import {
  DBOS,
  GRAPHILE,
  GRAPHILE_DRAIN,
  OURS,
  OURS_OVER_HTTP,
  PG_BOSS,
  PG_BOSS_DRAIN,
  RESTATE,
  RESTATE_4,
} from "../programs.ts";

export const threeActivities: Group = {
  name: "three-activities",
  async run(bench) {
    const peers = [DBOS, RESTATE, RESTATE_4];
    const all = await saturate(
      bench,
      [OURS, ...peers].map((program) => entry(bench, program, 3)),
    );
    const title = `3-activity workflows, ${CONCURRENCY} concurrent`;
    const higher = { unit: "workflows/s", better: "higher", ...pgbenchOf(all) } as const;
    const own = all.outcomes.get(OURS.name);
    return [
      {
        ...higher,
        name: "three-activities.rate",
        title,
        ...ownValue(valueOf(own, rate)),
        peers: peersOf(peers, all.outcomes, rate),
      },
      {
        ...higher,
        name: "three-activities.transitions",
        title: "durable transitions in those",
        unit: "transitions/s",
        ...ownValue(valueOf(own, transitions)),
        peers: [],
      },
      ...cpu(own, peers, all.outcomes),
    ];
  },
};

export const oneActivity: Group = {
  name: "one-activity",
  async run(bench) {
    const peers = [DBOS, RESTATE_4, GRAPHILE, PG_BOSS];
    const all = await saturate(
      bench,
      [OURS, ...peers].map((program) => entry(bench, program, 1)),
    );
    return [
      {
        name: "one-activity.rate",
        title: `1-activity workflows, ${CONCURRENCY} concurrent`,
        unit: "workflows/s",
        better: "higher",
        ...ownValue(valueOf(all.outcomes.get(OURS.name), rate), "job queues: one job"),
        peers: peersOf(peers, all.outcomes, rate),
        ...pgbenchOf(all),
      },
    ];
  },
};

/** Callers beside a queue that was laid up: enough for batches as full as its. */
const MANY = 5000;

export const manyCallers: Group = {
  name: "many-callers",
  async run(bench) {
    const total = bench.quick ? 20_000 : 100_000;
    const load = { kind: "count", concurrency: 1, total } as const;
    const peers = [GRAPHILE_DRAIN, PG_BOSS_DRAIN];
    const all = await saturate(bench, [
      entry(bench, OURS, 1, MANY),
      ...peers.map((program): Entry => ({ program, job: { steps: 1, load } })),
    ]);
    return [
      {
        name: "many-callers.rate",
        title: `1-activity workflows, ${MANY.toLocaleString("en")} concurrent`,
        unit: "workflows/s",
        better: "higher",
        ...ownValue(
          valueOf(all.outcomes.get(OURS.name), rate),
          `job queues: ${total.toLocaleString("en")} jobs laid up before the clock starts`,
        ),
        peers: peersOf(peers, all.outcomes, rate),
        ...pgbenchOf(all),
      },
    ];
  },
};

export const overHttp: Group = {
  name: "http",
  async run(bench) {
    const all = await saturate(bench, [entry(bench, OURS_OVER_HTTP, 3)]);
    return [
      {
        name: "http.three-activities",
        title: `3-activity workflows over HTTP with the SDK, ${CONCURRENCY} concurrent`,
        unit: "workflows/s",
        better: "higher",
        ...ownValue(
          valueOf(all.outcomes.get(OURS_OVER_HTTP.name), rate),
          "the client, a process of its own, uses part of the same cores",
        ),
        peers: [],
        ...pgbenchOf(all),
      },
    ];
  },
};

interface Saturated {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly pgbench: readonly number[];
}

async function saturate(bench: Bench, entries: readonly Entry[]): Promise<Saturated> {
  const { rounds, measure } = timing(bench);
  const pgbench: number[] = [];
  const outcomes = await interleaved(bench, rounds, entries, async () => {
    const tps = await bench.pgbench?.rate(Math.max(2, measure - 2));
    if (tps === undefined) return;
    pgbench.push(tps);
    bench.log(`  pgbench: ${Math.round(tps)}/s`);
  });
  return { outcomes, pgbench };
}

function entry(
  bench: Bench,
  program: Program,
  steps: 1 | 3,
  concurrency: number = CONCURRENCY,
): Entry {
  const { warmUp, measure } = timing(bench);
  return { program, job: { steps, load: { kind: "closed", concurrency, warmUp, measure } } };
}

function pgbenchOf({ pgbench }: Saturated): Pick<Figure, "pgbench"> {
  return pgbench.length === 0 ? {} : { pgbench: median(pgbench) };
}

function transitions({ counters, measured }: Result): number | undefined {
  const count = counters?.["transitions"];
  return count === undefined ? undefined : count / measured.seconds;
}

/** Seconds of CPU for a thousand workflows: all of it, and our share and PostgreSQL's. */
function cpu(
  own: Outcome | undefined,
  peers: readonly Program[],
  outcomes: ReadonlyMap<string, Outcome>,
): readonly Figure[] {
  const per1000 = (seconds: number, { measured }: Result): number =>
    (seconds / measured.count) * 1000;
  const whole = (result: Result): number | undefined =>
    result.cpu && per1000(result.cpu.program + result.cpu.postgres, result);
  const common = { unit: "CPU s/1,000 workflows", better: "lower", peers: [] } as const;
  return [
    {
      ...common,
      name: "three-activities.cpu",
      title: "CPU time of those, in all",
      ...ownValue(valueOf(own, whole)),
      peers: peersOf(peers, outcomes, whole),
    },
    {
      ...common,
      name: "three-activities.cpu-node",
      title: "of it our process (callers included)",
      ...ownValue(valueOf(own, (result) => result.cpu && per1000(result.cpu.program, result))),
    },
    {
      ...common,
      name: "three-activities.cpu-postgres",
      title: "of it PostgreSQL",
      ...ownValue(valueOf(own, (result) => result.cpu && per1000(result.cpu.postgres, result))),
    },
  ];
}
