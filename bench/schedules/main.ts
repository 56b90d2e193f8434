/**
 * Schedules at scale, in a process of its own: the node under test runs here, and the starts by callers as well.
 *
 *   steady  so many schedules in one database, 2,000 of them due in each second: how late do their instances start?
 *   burst   a hundred thousand due at one and the same instant: how long do they take, and how long do callers wait
 *           meanwhile, who start 100 others a second?
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RuntimeHost } from "@millrace/server";
import { type Figure, percentile } from "../figure.ts";
import { openNode } from "../ours/node.ts";
import { NAMESPACE } from "../ours/workflows.ts";
import { lateness, layUp } from "./load.ts";

export interface SchedulesJob {
  readonly url: string;
  readonly count: number;
  /** Due in a second; 0: all at once. */
  readonly rate: number;
  /** Of the measurement, when they are not due all at once. */
  readonly seconds: number;
}

const PARTITIONS = 64;
/** Milliseconds for the node to come up, after the schedules are laid up, before the first is due. */
const HEAD_START = 5_000;
/** Milliseconds in which the last instances start. */
const PATIENCE = 5_000;
/** Starts by callers in a second. */
const CALLS = 100;

const TICK = `
document: { dsl: 1.0.3, namespace: ${NAMESPACE}, name: tick, version: 1.0.0 }
do: [ { one: { set: { n: "\${ .n }" } } } ]`;
const CALLED = TICK.replace("name: tick", "name: called");

async function measure(job: SchedulesJob): Promise<readonly Figure[]> {
  const { url, count, rate } = job;
  // The tables are made by a first start.
  await (await opened(url)).stop();
  const began = performance.now();
  const apart = rate === 0 ? 0 : 1000 / rate;
  const from = Date.now() + estimate(count);
  await layUp({ url, partitions: PARTITIONS, count, from, apart });
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stderr.write(`  ${count} schedules laid up in ${seconds} s\n`);
  await sleep(Math.max(0, from - HEAD_START - Date.now()));
  const host = await opened(url);
  try {
    await sleep(Math.max(0, from - Date.now()));
    return rate === 0 ? await burst(host, job, from) : await steady(job, from);
  } finally {
    await host.stop();
  }
}

async function steady(
  { url, count, rate, seconds }: SchedulesJob,
  from: number,
): Promise<readonly Figure[]> {
  await sleep(seconds * 1000);
  const until = from + seconds * 1000;
  // The last of them are a little late. The look reads every instance, so it is taken once.
  await sleep(PATIENCE);
  const found = await lateness(url, from, until);
  const note = `${count.toLocaleString("en")} schedules, ${rate} due in each second, for ${seconds} s`;
  const late = { unit: "ms", better: "lower", peers: [], note } as const;
  return [
    {
      ...late,
      name: "schedules.started",
      title: "instances started, of those due",
      unit: "%",
      better: "higher",
      value: (100 * found.started) / (rate * seconds),
    },
    {
      ...late,
      name: "schedules.lateness-p50",
      title: "lateness of a start, p50",
      value: found.p50,
    },
    {
      ...late,
      name: "schedules.lateness-p99",
      title: "lateness of a start, p99",
      value: found.p99,
    },
    { ...late, name: "schedules.lateness-worst", title: "the latest start", value: found.worst },
    {
      ...late,
      name: "schedules.memory",
      title: "resident memory of the node",
      unit: "MiB",
      value: process.memoryUsage.rss() / 2 ** 20,
    },
  ];
}

/** Milliseconds that laying up takes at most, and some. */
function estimate(count: number): number {
  return count * 0.06 + 10_000;
}

async function opened(url: string): Promise<RuntimeHost> {
  const host = await openNode(url, 1);
  for (const text of [TICK, CALLED]) await host.runtime.applyWorkflow({ text });
  return host;
}

async function burst(
  { runtime }: RuntimeHost,
  { url, count }: SchedulesJob,
  from: number,
): Promise<readonly Figure[]> {
  const calls: number[] = [];
  const running = new Set<Promise<void>>();
  const workflow = { namespace: NAMESPACE, name: "called" };
  const call = async (): Promise<void> => {
    const began = performance.now();
    await runtime.startInstance({ ...workflow, input: { n: 1 } });
    calls.push(performance.now() - began);
  };
  const since = performance.now();
  let found = await lateness(url, from, from + 1);
  for (let n = 0; found.started < count && performance.now() - since < 120_000; n++) {
    const each = call().finally(() => running.delete(each));
    running.add(each);
    await sleep(Math.max(0, since + ((n + 1) * 1000) / CALLS - performance.now()));
    // The look itself costs the database something.
    if (n % (5 * CALLS) === 0) found = await lateness(url, from, from + 1);
  }
  await Promise.all(running);
  const sorted = Float64Array.from(calls).toSorted();
  const note = `${count.toLocaleString("en")} due at one instant, ${CALLS} starts/s by callers meanwhile`;
  const common = { unit: "ms", better: "lower", peers: [], note } as const;
  return [
    {
      ...common,
      name: "schedules.burst",
      title: "until the last of those due at once has started",
      unit: "s",
      value: found.started === count ? found.worst / 1000 : null,
    },
    {
      ...common,
      name: "schedules.burst-calls-p50",
      title: "a start by a caller meanwhile, p50",
      value: percentile(sorted, 0.5),
    },
    {
      ...common,
      name: "schedules.burst-calls-p99",
      title: "a start by a caller meanwhile, p99",
      value: percentile(sorted, 0.99),
    },
    {
      ...common,
      name: "schedules.burst-calls-worst",
      title: "the longest start by a caller meanwhile",
      value: percentile(sorted, 1),
    },
  ];
}

process.once("disconnect", () => process.exit(1));
process.send?.(
  await measure(JSON.parse(process.env["BENCH_SCHEDULES"] ?? "") as SchedulesJob),
  () => process.exit(0),
);
