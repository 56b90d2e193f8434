/**
 * What goes wrong in a round. Each kind draws its details from the round's seed and resolves when it is over: what was
 * killed is being started again, what was stopped goes on, the network and the disk are as they were.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { familyOf, killFamily, signalProcess } from "@millrace/server/embedded";
import pg from "pg";
import type { Random } from "./random.ts";
import type { Mode, Stand } from "./stand.ts";
import type { TcpProxy } from "./tcp-proxy.ts";

export interface Fault {
  /** What it takes, in one line, for the log. */
  readonly what: string;
  readonly modes: readonly Mode[];
  /** PostgreSQL's data on a small disk. */
  readonly smallDisk?: boolean;
  /** The server must say that it is not ready while it lasts, unless it has ended. */
  readonly isNoticed?: boolean;
  /** It lasts longer than the server makes a caller wait: those who ask meanwhile have to be turned away. */
  readonly turnsAway?: boolean;
  /** The server may end by itself: `millrace dev` gives up on a PostgreSQL that cannot be started again. */
  readonly mayEnd?: boolean;
  readonly run: (stand: Stand, random: Random) => Promise<void>;
}

const BOTH = ["embedded", "given"] as const;
/** Longer than the server waits for the database (6 s) and makes its callers wait (8 s). */
const OUTAGE_MS = [9_500, 13_000] as const;

export const FAULTS = {
  server: {
    what: "SIGKILL of the server",
    modes: BOTH,
    run: ({ server }) => server.kill(),
  },
  postmaster: {
    what: "SIGKILL of PostgreSQL's main process",
    modes: BOTH,
    run: async ({ database }, random) => {
      database.stayDown(random.between(0, 1_500));
      signalProcess(await postmaster(database), "SIGKILL");
    },
  },
  backend: {
    what: "SIGKILL of one of PostgreSQL's back ends",
    modes: BOTH,
    run: async ({ database }, random) => {
      const [, ...others] = familyOf(await postmaster(database));
      if (others.length > 0) signalProcess(random.pick(others), "SIGKILL");
    },
  },
  postgres: {
    what: "SIGKILL of every process of PostgreSQL",
    modes: BOTH,
    run: async ({ database }, random) => {
      database.stayDown(random.between(0, 1_500));
      killFamily(await postmaster(database));
    },
  },
  both: {
    what: "SIGKILL of the server and of every process of PostgreSQL",
    modes: BOTH,
    run: async ({ database, server }, random) => {
      database.stayDown(random.between(0, 1_500));
      const pid = await postmaster(database);
      if (random.chance(0.5)) killFamily(pid);
      await server.kill();
      killFamily(pid);
    },
  },
  recovery: {
    what: "SIGKILL of PostgreSQL, again each time while it recovers, now and then with the server",
    modes: BOTH,
    run: killInRecovery,
  },
  freeze: {
    what: "SIGSTOP of PostgreSQL for longer than every time-out",
    modes: BOTH,
    isNoticed: true,
    turnsAway: true,
    run: freeze,
  },
  reset: {
    what: "RST of every connection to PostgreSQL, some times in a row",
    modes: ["given"],
    run: async (stand, random) => {
      for (let times = random.between(1, 6); times > 0; times--) {
        proxyOf(stand).reset();
        await sleep(random.between(0, 400));
      }
    },
  },
  silence: {
    what: "nothing passes between server and PostgreSQL, then late or never",
    modes: ["given"],
    isNoticed: true,
    turnsAway: true,
    run: async (stand, random) => {
      proxyOf(stand).hold();
      await sleep(random.between(...OUTAGE_MS));
      proxyOf(stand).release(random.chance(0.5));
    },
  },
  cut: {
    what: "each connection to PostgreSQL is reset after some kilobytes",
    modes: ["given"],
    run: async (stand, random) => {
      proxyOf(stand).cutAfter(() => random.between(1, 60_000));
      await sleep(random.between(1_000, 4_000));
      proxyOf(stand).cutAfter(undefined);
    },
  },
  disk: {
    what: "the disk with PostgreSQL's data is full",
    modes: BOTH,
    smallDisk: true,
    isNoticed: true,
    mayEnd: true,
    run: fillDisk,
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type Kind = keyof typeof FAULTS;
export const KINDS = Object.keys(FAULTS) as readonly Kind[];

export function faultOf(kind: Kind): Fault {
  return FAULTS[kind];
}

/** The postmaster, awaited while it is being started. */
async function postmaster(database: Stand["database"], other?: number): Promise<number> {
  for (;;) {
    const found = database.pid();
    if (found !== undefined && found !== other) return found;
    await sleep(5);
  }
}

async function killInRecovery({ database, server }: Stand, random: Random): Promise<void> {
  let pid = await postmaster(database);
  killFamily(pid);
  for (let times = random.between(1, 3); times > 0; times--) {
    pid = await postmaster(database, pid);
    await sleep(random.between(0, 120));
    if (random.chance(0.25)) await server.kill();
    killFamily(pid);
  }
}

async function freeze({ mode, database, server }: Stand, random: Random): Promise<void> {
  const pid = await postmaster(database);
  signalProcess(pid, "SIGSTOP");
  const family = familyOf(pid);
  for (const member of family) signalProcess(member, "SIGSTOP");
  await sleep(random.between(...OUTAGE_MS));
  if (random.chance(0.2)) {
    await server.kill();
    // The next `millrace dev` finds a PostgreSQL that does not even end when it is asked to.
    if (mode === "embedded") return;
    await sleep(random.between(0, 1_000));
  }
  for (const member of family) signalProcess(member, "SIGCONT");
}

async function fillDisk({ disk, database }: Stand, random: Random): Promise<void> {
  if (disk === undefined) throw new Error("this stand has no small disk");
  const until = performance.now() + random.between(5_000, 9_000);
  // Either tables cannot grow, which refuses statements, or the log cannot, which ends PostgreSQL.
  const isLog = random.chance(0.5);
  while (performance.now() < until) {
    disk.fill();
    if (isLog) await nextLogFile(database).catch(() => {});
    await sleep(50);
  }
  disk.free();
}

async function nextLogFile(database: Stand["database"]): Promise<void> {
  const client = new pg.Client({
    connectionString: database.url(),
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query("SELECT pg_switch_wal()");
  } finally {
    await client.end();
  }
}

function proxyOf({ proxy }: Stand): TcpProxy {
  if (proxy === undefined) throw new Error("this stand has no proxy");
  return proxy;
}
