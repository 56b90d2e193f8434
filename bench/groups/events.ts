/** Events to instances that wait for them, and events that nobody waits for, in a process and a database of their own. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Group } from "../bench.ts";
import type { EventsJob, EventsMeasured } from "../events/bench.ts";
import type { Figure } from "../figure.ts";
import { withDatabase } from "../postgres.ts";

const MAIN = join(import.meta.dirname, "..", "events", "main.ts");
/** Seconds after which it is ended: most of them go by making the instances that wait. */
const LIMIT = 400;
const RATE = 5_000;

export const events: Group = {
  name: "events",
  async run({ postgres, quick, log }) {
    const seconds = quick ? 5 : 20;
    const few = quick ? 30_000 : 100_000;
    const many = quick ? 60_000 : 1_000_000;
    const job = { rate: RATE, seconds };
    const of = (waiting: number, wanted: number): Promise<EventsMeasured> =>
      withDatabase(postgres, (url) => measure({ ...job, url, waiting, wanted }));
    const matched = await of(many, 1);
    log(`  ${words(many)} wait, each event is for one of them: ${text(matched)}`);
    const idle = await of(few, 0);
    log(`  ${words(few)} wait, nobody for what comes: ${text(idle)}`);
    const busy = await of(many, 0);
    log(`  ${words(many)} wait, nobody for what comes: ${text(busy)}`);
    return figures(matched, idle, busy, many, few);
  },
};

function measure(job: EventsJob): Promise<EventsMeasured> {
  const options = { timeout: LIMIT * 1000, killSignal: "SIGKILL" } as const;
  const child = fork(MAIN, [JSON.stringify(job)], options);
  return new Promise((resolve, reject) => {
    child.once("message", (measured) => resolve(measured as EventsMeasured));
    child.once("exit", (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
  });
}

function figures(
  matched: EventsMeasured,
  idle: EventsMeasured,
  busy: EventsMeasured,
  many: number,
  few: number,
): readonly Figure[] {
  const { lost, refused, scanned } = matched;
  const scans = Object.entries(scanned).map(([table, rows]) => `${rows} rows of ${table}`);
  const note = `${words(many)} wait; ${lost} lost, ${refused} refused; scanned: ${scans.join(", ") || "nothing"}`;
  const common = { peers: [] } as const;
  const time = { ...common, unit: "ms", better: "lower" } as const;
  return [
    {
      ...common,
      name: "events.rate",
      title: `events delivered of ${words(RATE)}/s`,
      // What did not arrive was not delivered at any rate.
      value: lost > 0 ? null : matched.rate,
      unit: "events/s",
      better: "higher",
      note,
    },
    ...(["p50", "p99"] as const).flatMap((part) => [
      {
        ...time,
        name: `events.stored.${part}`,
        title: `event posted to answer, ${part}`,
        value: matched.answered[part],
      },
      {
        ...time,
        name: `events.consumed.${part}`,
        title: `event posted to the instance's commit, ${part}`,
        value: matched.consumed?.[part] ?? null,
      },
    ]),
    {
      ...time,
      name: "events.unmatched.many",
      title: "event that nobody waits for, posted to answer, p50",
      value: busy.answered.p50,
      note: `${words(many)} wait for others; with ${words(few)}: ${idle.answered.p50.toFixed(1)} ms`,
    },
  ];
}

function text({ rate, answered, consumed, lost }: EventsMeasured): string {
  const reached =
    consumed === undefined
      ? ""
      : `, at the instance p50 ${consumed.p50.toFixed(0)} p99 ${consumed.p99.toFixed(0)} ms, ${lost} lost`;
  return `${rate.toFixed(0)}/s, answered p50 ${answered.p50.toFixed(1)} p99 ${answered.p99.toFixed(0)} ms${reached}`;
}

function words(count: number): string {
  return count.toLocaleString("en");
}
