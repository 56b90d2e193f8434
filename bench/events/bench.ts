/** Events to instances that wait: how many a second, how late, and whether anything was looked for in all that waits. */
import type { Runtime, RuntimeError } from "@millrace/server";
import { loadConfig, silentLogger } from "@millrace/server";
import pg from "pg";
import { systemClock } from "../../packages/server/src/clock.ts";
import { openPostgresRuntime } from "../../packages/server/src/runtime/open.ts";
import { keyOf, makeWaiting, TYPE } from "./waiting.ts";

export interface EventsJob {
  readonly url: string;
  /** Instances that wait. */
  readonly waiting: number;
  /** Events posted in a second, each in a request of its own. */
  readonly rate: number;
  readonly seconds: number;
  /** Of the events, the part that somebody waits for; what nobody waits for is of another type. */
  readonly wanted: number;
}
export interface EventsMeasured {
  /** Events a second, from the first post to the last commit. */
  readonly rate: number;
  /** Milliseconds from when the event was due to be posted until its answer, and until its instance's commit, if any. */
  readonly answered: Times;
  readonly consumed?: Times;
  /** Events wanted that had not reached their instance 30 s after the last post. */
  readonly lost: number;
  /** Events refused because too many were waiting to be stored. */
  readonly refused: number;
  /** Rows read by sequential scans meanwhile, by table; those of fewer than 1,000 rows left out. */
  readonly scanned: Readonly<Record<string, number>>;
  /** Processor seconds of this process for each event. */
  readonly cpuMicroseconds: number;
}
export interface Times {
  readonly p50: number;
  readonly p99: number;
}

const PARTITIONS = 64;
const TICK = 5;
const PATIENCE = 30_000;

export async function eventsBench(job: EventsJob): Promise<EventsMeasured> {
  const due = new Map<string, number>();
  const consumed: number[] = [];
  let last = 0;
  const opened = await openPostgresRuntime({
    config: loadConfig({}, { databaseUrl: job.url, exclusive: true, partitions: PARTITIONS }),
    log: silentLogger,
    clock: systemClock(),
    executor: { execute: () => Promise.reject(new Error("nothing is called")) },
    onFacts: ({ state: { id } }) => {
      const at = due.get(id);
      if (at === undefined) return;
      due.delete(id);
      last = performance.now();
      consumed.push(last - at);
    },
  });
  try {
    const { runtime } = opened;
    const ids = await makeWaiting(runtime, job.url, job.waiting, PARTITIONS);
    await warmUp(runtime);
    const before = await scans(job.url);
    const cpu = process.cpuUsage();
    const began = performance.now();
    const answered = await post(runtime, job, ids, due);
    const until = performance.now() + PATIENCE;
    while (due.size > 0 && performance.now() < until) await pause(10);
    const { user, system } = process.cpuUsage(cpu);
    const after = await scans(job.url);
    const count = job.rate * job.seconds;
    return {
      rate: count / ((Math.max(last, began + job.seconds * 1000) - began) / 1000),
      answered: times(answered),
      ...(consumed.length === 0 ? {} : { consumed: times(consumed) }),
      lost: due.size,
      refused: job.rate * job.seconds - answered.length,
      scanned: difference(before, after),
      cpuMicroseconds: (user + system) / count,
    };
  } finally {
    await opened.stop();
  }
}

/** What is compiled once, and statements that are prepared once. */
async function warmUp(runtime: Runtime): Promise<void> {
  for (let n = 0; n < 2000; n += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, m) => runtime.publishEvents([event(`w${n + m}`, "", "x")])),
    );
}

function event(id: string, key: string, type: string) {
  const of = { specversion: "1.0", source: `/bench/${key.slice(-2)}`, subject: key || "none" };
  return { ...of, id, type, data: { key, amount: 12.5, note: "paid in full" } };
}

/** At a fixed rate, whoever is behind; gives the times until the answers. */
async function post(
  runtime: Runtime,
  { rate, seconds, wanted }: EventsJob,
  ids: readonly string[],
  due: Map<string, number>,
): Promise<readonly number[]> {
  const began = performance.now();
  const answers: Promise<number | undefined>[] = [];
  const total = rate * seconds;
  let [next, instance] = [0, 0];
  while (answers.length < total) {
    const now = performance.now();
    while (answers.length < total && began + (answers.length * 1000) / rate <= now) {
      const at = began + (answers.length * 1000) / rate;
      const isWanted = (answers.length + 1) * wanted >= instance + 1;
      if (isWanted) due.set(ids[instance] ?? "", at);
      const of = isWanted
        ? event(`e${answers.length}`, keyOf(instance), TYPE)
        : event(`e${answers.length}`, "", "bench.unwanted");
      if (isWanted) instance += 1;
      const id = isWanted ? ids[instance - 1] : undefined;
      const refused = (error: unknown): undefined => {
        if ((error as RuntimeError).kind !== "overloaded") throw error;
        if (id !== undefined) due.delete(id);
      };
      answers.push(runtime.publishEvents([of]).then(() => performance.now() - at, refused));
    }
    next += TICK;
    await pause(Math.max(0, began + next - performance.now()));
  }
  return (await Promise.all(answers)).filter((time) => time !== undefined);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function times(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

type Scans = ReadonlyMap<string, number>;

/** Rows that sequential scans have read, of tables with enough rows to matter. */
async function scans(url: string): Promise<Scans> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ relname: string; read: string }>(
      `SELECT relname, seq_tup_read AS read FROM pg_stat_user_tables WHERE n_live_tup >= 1000`,
    );
    return new Map(rows.map(({ relname, read }) => [relname, Number(read)]));
  } finally {
    await client.end();
  }
}

function difference(before: Scans, after: Scans): Readonly<Record<string, number>> {
  const read = [...after].map(([table, rows]) => [table, rows - (before.get(table) ?? 0)] as const);
  return Object.fromEntries(read.filter(([, rows]) => rows > 0));
}
