/**
 * Messages over HTTP, each answered when it is durable: rounds of POST, GET and DELETE, and GETs of what is there. Beside it a
 * server that does no more than HTTP (the ceiling), one that does a statement per request, and one in Python. All take their
 * turns in each round, on the same client.
 */
import { type Bench, CONCURRENCY, type Group, timing } from "../bench.ts";
import { type Figure, median, type Peer } from "../figure.ts";
import { type Load, type Loaded, put } from "../messages/load.ts";
import { MAP, OURS, type Service, STATEMENTS, sanic } from "../messages/services.ts";
import { withDatabase } from "../postgres.ts";

/** Messages that the GETs are of: what is asked for often. */
const STORED = 1_000;
/** One thread: it takes no more of the processor than it must, and keeps every service busy. */
const CLIENT = { threads: 1, connections: 50, pipelined: CONCURRENCY / 50, size: 20 } as const;

interface Round {
  readonly mix: Loaded;
  readonly gets: Loaded;
}

export const messages: Group = {
  name: "messages",
  async run(bench) {
    const services: Service[] = [OURS, STATEMENTS, MAP];
    const absent: Peer[] = [];
    await sanic().then(
      (service) => services.push(service),
      (error: Error) => absent.push({ name: "Sanic", value: null, reason: error.message }),
    );
    const rounds = new Map<string, Round[]>(services.map(({ name }) => [name, []]));
    const pgbench: number[] = [];
    for (let round = 0; round < timing(bench).rounds; round++) {
      const tps = await bench.pgbench?.rate(Math.max(2, timing(bench).measure - 2));
      if (tps !== undefined) pgbench.push(tps);
      for (let turn = 0; turn < services.length; turn++) {
        const service = services[(round + turn) % services.length];
        if (service === undefined) continue;
        const measured = await once(bench, service);
        rounds.get(service.name)?.push(measured);
        bench.log(`  ${service.name}: ${text(measured)}`);
      }
    }
    return figures(rounds, services, absent, pgbench);
  },
};

function once(bench: Bench, contender: Service): Promise<Round> {
  const times = { warmUp: timing(bench).warmUp * 1_000, measure: timing(bench).measure * 1_000 };
  return withDatabase(bench.postgres, async (url) => {
    const service = await contender.start(url);
    const load: Omit<Load, "work"> = { port: service.port, ...CLIENT };
    try {
      const mix = await put({ ...load, work: { kind: "mix", ...times } });
      const gets = await put({ ...load, work: { kind: "gets", ...times, stored: STORED } });
      return { mix, gets };
    } finally {
      await service.stop();
    }
  });
}

function text({ mix, gets }: Round): string {
  const times = `p50 ${mix.p50.toFixed(1)} ms, p99 ${mix.p99.toFixed(1)} ms`;
  return `${Math.round(mix.rate)}/s in the mix (${times}), ${Math.round(gets.rate)}/s GETs`;
}

function figures(
  rounds: ReadonlyMap<string, readonly Round[]>,
  services: readonly Service[],
  absent: readonly Peer[],
  pgbench: readonly number[],
): readonly Figure[] {
  const of = (name: string, value: (round: Round) => number): number =>
    median((rounds.get(name) ?? []).map(value));
  const others = services.filter(({ name }) => name !== OURS.name);
  const figure = (value: (round: Round) => number): Pick<Figure, "value" | "peers"> => ({
    value: of(OURS.name, value),
    peers: [...others.map(({ name }) => ({ name, value: of(name, value) })), ...absent],
  });
  const note = `${CLIENT.size} characters, ${CONCURRENCY} callers over ${CLIENT.connections} connections (pipelined), the client on the same cores`;
  const volatile = others.filter(({ durable }) => !durable).map(({ name }) => name);
  return [
    {
      name: "messages.rate",
      title: "requests in rounds of POST, GET and DELETE",
      unit: "requests/s",
      better: "higher",
      ...figure(({ mix }) => mix.rate),
      ...(pgbench.length === 0 ? {} : { pgbench: median(pgbench) }),
      note: `${note}; not durable: ${volatile.join(", ")}`,
    },
    ...(["p50", "p99"] as const).map(
      (part): Figure => ({
        name: `messages.${part}`,
        title: `request in those rounds to answer, ${part}`,
        unit: "ms",
        better: "lower",
        ...figure(({ mix }) => mix[part]),
      }),
    ),
    {
      name: "messages.gets",
      title: `GETs of ${STORED.toLocaleString("en")} messages`,
      unit: "requests/s",
      better: "higher",
      ...figure(({ gets }) => gets.rate),
      note,
    },
  ];
}
