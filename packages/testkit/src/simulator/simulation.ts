/**
 * One simulation: nodes of the real engine over a simulated database, world and time, with everything that goes wrong drawn
 * from one seed. The same seed gives the same simulation, byte for byte.
 */
import { isTerminal } from "@millrace/engine";
import { Clients } from "./clients.ts";
import { Database } from "./database.ts";
import { DatabaseTime } from "./database-time.ts";
import { EventClients } from "./event-clients.ts";
import { filtersOf } from "./event-workflows.ts";
import { checkFinal } from "./final-checks.ts";
import { Links } from "./link.ts";
import { Loop } from "./loop.ts";
import { Nodes } from "./nodes.ts";
import { drawPlan } from "./plan.ts";
import { Random } from "./random.ts";
import { Retries } from "./retries.ts";
import { ScheduleClients } from "./schedule-clients.ts";
import { checkSchedules } from "./schedule-final.ts";
import { SnapshotChecks } from "./snapshot-checks.ts";
import { newTally, type Tally } from "./sometimes.ts";
import type { Surroundings } from "./surroundings.ts";
import { Trace } from "./trace.ts";
import { textOf, WORKFLOWS } from "./workflows.ts";
import { World } from "./world.ts";

export interface SimulationReport {
  readonly seed: number;
  /** The first invariant that did not hold. */
  readonly violation?: string;
  /** The last lines of what happened. */
  readonly trace: readonly string[];
  /** Of everything that happened, in order. */
  readonly digest: string;
  readonly tally: Tally;
  readonly figures: Figures;
}
export interface Figures {
  readonly instances: number;
  readonly happened: number;
  /** Milliseconds of simulated time. */
  readonly elapsed: number;
}

/** Milliseconds after which everything has to have ended, once nothing goes wrong any more. */
const SETTLING = 400_000;
/** Milliseconds of quiet after the last end: longer than a question hangs, so what is left then stays for ever. */
const QUIET = 45_000;

/** More happenings than any simulation needs: something goes round in circles without time passing. */
const CIRCLES = 300_000;

const FILTERS = filtersOf(WORKFLOWS.map(textOf));

export async function simulateSeed(seed: number): Promise<SimulationReport> {
  const tally = newTally();
  const loop = new Loop();
  const trace = new Trace(loop);
  let violation: string | undefined;
  const plan = drawPlan(new Random(seed, "plan"));
  const time = new DatabaseTime(loop);
  const checks = new SnapshotChecks(() => around);
  const database = new Database(plan.partitions, () => time.now, checks);
  for (const each of WORKFLOWS) database.workflows.set(`sim/${each.name}/1.0.0`, textOf(each));
  for (const row of FILTERS) database.waits.filters.set(`${row.tenant}/${row.filter}`, row);
  const around: Surroundings = {
    seed,
    loop,
    plan,
    database,
    time,
    uncertain: new Set(),
    network: new Random(seed, "network"),
    calm: () => loop.now >= plan.calmAt,
    met: (what) => (tally[what] += 1),
    trace: (line) => trace.add(line),
    violation: (what) => {
      trace.add(`VIOLATION: ${what}`);
      violation ??= what;
    },
    kill: (machine, why) => nodes.kill(machine, why),
  };
  const links = new Links(around);
  const world = new World(around, new Random(seed, "world"), (name) =>
    checks.committedActivities.has(name),
  );
  const nodes = new Nodes(around, links, world);
  const clients = new Clients(around, new Random(seed, "clients"), () => nodes.reachable());
  const keepers = new ScheduleClients(around, new Random(seed, "schedules"), () =>
    nodes.reachable(),
  );
  const listeners = new EventClients(around, new Random(seed, "events"), () => nodes.reachable());
  trace.add(`plan ${JSON.stringify(plan)}`);
  nodes.begin();
  const retrying = new Retries(around, new Random(seed, "retries"), clients);
  clients.begin();
  retrying.begin();
  keepers.begin();
  listeners.begin();
  let restSince: number | undefined;
  const atRest = (): boolean => {
    if (violation !== undefined) return true;
    if (loop.happened > CIRCLES) around.violation("it goes round in circles");
    if (loop.now > plan.calmAt + SETTLING) {
      around.violation(`not everything has ended: ${unfinished(database)}`);
      return true;
    }
    const resting =
      loop.now > plan.calmAt &&
      clients.busy + keepers.busy + listeners.busy === 0 &&
      allEnded(database);
    if (!resting) restSince = undefined;
    else restSince ??= loop.now;
    return restSince !== undefined && loop.now > restSince + QUIET;
  };
  await loop.run(atRest);
  if (violation === undefined) {
    const { acknowledged, cancelled } = clients;
    nodes.checkCounters();
    const retries = retrying.possible;
    const { schedules } = checks;
    const asked = new Set([...cancelled, ...schedules.cancelled]);
    checkFinal({ around, effects: world.effects, acknowledged, cancelled: asked, retries });
    checkSchedules(schedules, around);
    checks.events.final();
    checks.payloads.final();
  }
  nodes.end();
  return {
    seed,
    ...(violation === undefined ? {} : { violation }),
    trace: trace.last(),
    digest: trace.digest(),
    tally,
    figures: { instances: database.instances.size, happened: loop.happened, elapsed: loop.now },
  };
}

function allEnded({ instances }: Database): boolean {
  for (const { status } of instances.values()) if (!isTerminal(status)) return false;
  return true;
}

function unfinished({ instances, inbox }: Database): string {
  const rows = [...instances.values()].filter(({ status }) => !isTerminal(status));
  const names = rows.map(({ id, name, status }) => `${name} ${id} is ${status}`);
  return [...names, `${inbox.size} messages wait`].join(", ");
}
