/**
 * Schedules under SIGKILL: a server is killed again and again just when dozens of schedules are due. Afterwards every time
 * of every schedule has exactly one instance, and every instance has ended: none missed, none doubled.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { untilReady } from "./prober.ts";
import { seeded } from "./random.ts";
import { openStand, type Stand } from "./stand.ts";

export interface FiringOptions {
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** All but `kills`, `schedules`, `times` and `late` have to be zero. */
export interface FiringTotals {
  readonly kills: number;
  readonly schedules: number;
  /** Times that came while it ran. */
  readonly times: number;
  /** Times without an instance. */
  readonly missed: number;
  /** Instances beyond the first for one time. */
  readonly doubled: number;
  /** Instances before their time. */
  readonly early: number;
  /** Instances that have not ended well. */
  readonly unfinished: number;
  /** The longest that an instance started after its time, in milliseconds: a kill and the start after it. */
  readonly late: number;
}

const SCHEDULES = 40;
/** Seconds between two times: all schedules are due at once, on the even second. */
const PERIOD = 2;
const READY_MS = 60_000;

const definition = (n: number): string => `
document:
  dsl: 1.0.3
  namespace: crash
  name: due-${n}
  version: 1.0.0
  metadata: { millrace: { schedule: { overlap: allow, catchUp: all } } }
schedule: { cron: "*/${PERIOD} * * * * *" }
do: [ { one: { set: { n: ${n} } } }, { pause: { wait: { milliseconds: 300 } } } ]
`;

export async function runFirings(options: FiringOptions): Promise<FiringTotals> {
  const { kills, seed, say, signal } = options;
  const stand = await openStand({ mode: "embedded", seed, smallDisk: false, exclusive: true });
  if (stand === undefined) throw new Error("there is nothing to run on");
  let totals: FiringTotals | undefined;
  try {
    await untilReady(stand, READY_MS);
    for (let n = 0; n < SCHEDULES; n++) await post(stand, "/v1/workflows", definition(n));
    const random = seeded(seed);
    let done = 0;
    for (; done < kills; done++) {
      if (signal?.aborted === true) break;
      await sleep(untilDue() + random.between(-30, 250));
      await stand.server.kill();
      await untilReady(stand, READY_MS);
      if ((done + 1) % 10 === 0) say(`${done + 1} kills`);
    }
    totals = await verdict(stand, done);
    return totals;
  } finally {
    const bad = totals === undefined || isBad(totals);
    if (bad) say(`logs in ${stand.folder}`);
    await stand.close(bad);
  }
}

export function isBad({ missed, doubled, early, unfinished }: FiringTotals): boolean {
  return missed + doubled + early + unfinished > 0;
}

/** Milliseconds until the next time but one: the next may be too near for a server that has just come up. */
function untilDue(): number {
  const period = PERIOD * 1000;
  return 2 * period - (Date.now() % period);
}

async function post(stand: Stand, path: string, body: string): Promise<void> {
  const headers = { "content-type": "application/yaml" };
  const response = await fetch(stand.server.url + path, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

/** Asks until all that is due has come to its end, or nothing has happened for long. */
async function verdict(stand: Stand, kills: number): Promise<FiringTotals> {
  await untilReady(stand, READY_MS);
  const client = new pg.Client({ connectionString: stand.database.url() });
  await client.connect();
  try {
    // From here on nothing new is due.
    const names = Array.from({ length: SCHEDULES }, (_, n) => `crash.due-${n}`);
    for (const n of names.keys())
      await post(
        stand,
        "/v1/workflows",
        definition(n)
          .replace("1.0.0", "2.0.0")
          .replace(/\nschedule: .*/, ""),
      );
    let totals = await count(client, kills);
    for (let tries = 0; tries < 100 && isBad(totals); tries++) {
      await sleep(100);
      totals = await count(client, kills);
    }
    return totals;
  } finally {
    await client.end();
  }
}

/** Of decisions only the nominal time counts; that an instance is there is looked up in the instances themselves. */
const COUNT = `
WITH started AS (
  SELECT i.name, i.status, i.created_at, (i.state::json -> 'schedule' -> 'occasion' ->> 'nominal')::bigint AS nominal
  FROM all_instances AS i WHERE i.namespace = 'crash'
), ends AS (
  SELECT name, min(nominal) AS first FROM started GROUP BY name
), last AS (
  -- The last time of any schedule, less those that came while the schedules were being deleted.
  SELECT min(newest) AS until FROM (SELECT max(nominal) AS newest FROM started GROUP BY name) AS each
), due AS (
  SELECT name, generate_series(first, (SELECT until FROM last), ${PERIOD * 1000}) AS nominal FROM ends
)
SELECT
  (SELECT count(*) FROM ends)::int AS schedules,
  (SELECT count(*) FROM due)::int AS times,
  (SELECT count(*) FROM due AS d WHERE NOT EXISTS
     (SELECT FROM started AS s WHERE s.name = d.name AND s.nominal = d.nominal))::int AS missed,
  (SELECT count(*) - count(DISTINCT (name, nominal)) FROM started)::int AS doubled,
  (SELECT count(*) FROM started WHERE created_at < nominal)::int AS early,
  (SELECT count(*) FROM started WHERE status <> 'completed')::int AS unfinished,
  (SELECT coalesce(max(created_at - nominal), 0) FROM started)::int AS late`;

async function count(client: pg.Client, kills: number): Promise<FiringTotals> {
  const { rows } = await client.query<Omit<FiringTotals, "kills">>(COUNT);
  const [row] = rows;
  if (row === undefined) throw new Error("a count gave no row");
  // A schedule that never started anything has missed everything.
  const missed = row.missed + (SCHEDULES - row.schedules);
  return { ...row, missed, kills };
}
