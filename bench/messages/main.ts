/**
 * `npm run bench:messages -- [--threads 6] [--count 500] [--size 20] [--connections 8] [--pipelined 8]`: rounds of POST, GET and
 * DELETE of one message each, from several client threads, against ours and what stands beside it, one after the other.
 * `--count`: rounds of each thread, run so often and the median taken. Exits 1 when ours fails.
 */
import { parseArgs } from "node:util";
import { startPostgres, withDatabase } from "../postgres.ts";
import { type Load, type Loaded, put } from "./load.ts";
import { MAP, OURS, type Service, STATEMENTS, sanic } from "./services.ts";

/** Rounds of each thread before the measurement: a cold process measures its compiler. */
const WARM_UP = 3_000;
const REPEATS = 3;

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: "6" },
    count: { type: "string", default: "500" },
    size: { type: "string", default: "20" },
    connections: { type: "string", default: "8" },
    pipelined: { type: "string", default: "8" },
  },
});

function whole(name: keyof typeof values, least: number, most: number): number {
  const value = Number(values[name]);
  if (/^\d+$/.test(values[name]) && value >= least && value <= most) return value;
  console.error(`--${name}: expected a whole number from ${least} to ${most}`);
  process.exit(2);
}

const threads = whole("threads", 1, 64);
const count = whole("count", 1, 10_000_000);
// Below that, messages would not differ.
const size = whole("size", 14, 100_000);
const connections = whole("connections", 1, 1_000);
const pipelined = whole("pipelined", 1, 1_000);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const postgres = await startPostgres();
const rows: (readonly string[])[] = [];
const skipped: string[] = [];
try {
  const services: Service[] = [OURS, STATEMENTS, MAP];
  await sanic().then(
    (service) => services.push(service),
    (error: Error) => skipped.push(`Sanic is left out: ${error.message}`),
  );
  for (const service of services) {
    console.error(`${service.name} …`);
    rows.push(rowOf(service, await measured(service)));
  }
} finally {
  await postgres.stop();
}
const each = Array.from({ length: threads }, (_, thread) => `thread ${thread + 1}`);
console.log(
  `${threads} client threads, ${connections * pipelined} callers each (${connections} connections, ${pipelined} requests on their way on each); ${count} rounds of POST, GET and DELETE by each thread, messages of ${size} characters; the median of ${REPEATS} runs, requests/s:`,
);
console.log(grid([["", "durable", ...each, "total", "p50 ms", "p99 ms"], ...rows]));
for (const line of skipped) console.log(line);

function measured(contender: Service): Promise<Loaded> {
  return withDatabase(postgres, async (url) => {
    const service = await contender.start(url);
    try {
      const load: Omit<Load, "work"> = {
        port: service.port,
        threads,
        connections,
        pipelined,
        size,
      };
      await put({ ...load, work: { kind: "rounds", count: WARM_UP } });
      const runs: Loaded[] = [];
      for (let n = 0; n < REPEATS; n++)
        runs.push(await put({ ...load, work: { kind: "rounds", count } }));
      return runs.toSorted((a, b) => a.rate - b.rate)[REPEATS >> 1]!;
    } finally {
      await service.stop();
    }
  });
}

function rowOf(
  { name, durable }: Service,
  { threads: rates, rate, p50, p99 }: Loaded,
): readonly string[] {
  const number = (value: number): string => Math.round(value).toLocaleString("en");
  return [
    name,
    durable ? "yes" : "no",
    ...rates.map(number),
    number(rate),
    p50.toFixed(2),
    p99.toFixed(2),
  ];
}

/** The first column to the left, the others to the right. */
function grid(lines: readonly (readonly string[])[]): string {
  const widths =
    lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? [];
  const padded = (text: string, at: number): string =>
    at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0);
  return lines.map((line) => line.map(padded).join("  ")).join("\n");
}
