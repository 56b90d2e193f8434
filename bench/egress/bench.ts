/** What the egress boundary costs on a call to a server next door: rounds of each way in turn, medians. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Figure, median } from "../figure.ts";
import { boundary, open, plain, type Way } from "./ways.ts";

const CONCURRENCY = 64;

interface Measured {
  readonly callsPerSecond: number;
  /** Microseconds of this process's CPU for each call: steadier than throughput on a busy machine. */
  readonly cpu: number;
}

export async function egressBench({
  quick,
}: {
  readonly quick: boolean;
}): Promise<readonly Figure[]> {
  const server = fork(join(import.meta.dirname, "server.ts"));
  const [port] = (await once(server, "message")) as [number];
  const url = new URL(`http://127.0.0.1:${port}/pets/7`);
  const ways = [boundary(), open(), plain()];
  const rounds = quick ? 3 : 15;
  const calls = quick ? 2_000 : 10_000;
  const results = new Map<Way, Measured[]>(ways.map((way) => [way, []]));
  try {
    for (const way of ways) await measure(way, url, calls);
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < ways.length; turn += 1) {
        const way = ways[(round + turn) % ways.length];
        if (way !== undefined) results.get(way)?.push(await measure(way, url, calls));
      }
    }
  } finally {
    await Promise.all(ways.map((way) => way.close()));
    server.disconnect();
  }
  const note = `${CONCURRENCY} concurrent, medians of ${rounds} × ${calls} calls`;
  return [
    figure(
      results,
      { name: "egress.throughput", title: "local HTTP calls", unit: "calls/s", note },
      (m) => m.callsPerSecond,
    ),
    figure(
      results,
      { name: "egress.cpu", title: "CPU of a local HTTP call", unit: "µs", note },
      (m) => m.cpu,
    ),
  ];
}

async function measure(way: Way, url: URL, calls: number): Promise<Measured> {
  let left = calls;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await way.call(url);
  };
  const cpu = process.cpuUsage();
  const since = performance.now();
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  const seconds = (performance.now() - since) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { callsPerSecond: calls / seconds, cpu: (user + system) / calls };
}

function figure(
  results: ReadonlyMap<Way, readonly Measured[]>,
  what: Pick<Figure, "name" | "title" | "unit" | "note">,
  of: (measured: Measured) => number,
): Figure {
  const [ours, ...peers] = [...results].map(([{ name }, all]) => ({
    name,
    value: median(all.map(of)),
  }));
  const better = what.unit === "calls/s" ? "higher" : "lower";
  return { ...what, better, value: ours?.value ?? null, peers };
}
