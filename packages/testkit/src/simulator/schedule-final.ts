/** What has to hold of schedules when everything has come to rest. */
import { isOnRecord, type Life, type ScheduleChecks } from "./schedule-checks.ts";
import { isExcluded, timesBetween } from "./schedule-specs.ts";
import type { Surroundings } from "./surroundings.ts";

export function checkSchedules(
  { lives, past, sent }: ScheduleChecks,
  { database, violation }: Surroundings,
): void {
  const all = [...past, ...lives.values()];
  for (const life of all) {
    const { state, decisions, times } = life;
    const wrong = (what: string): void => violation(`schedule ${state.name}: ${what}`);
    const rows = [...decisions.values()];
    // Whom a refusal of a deleted schedule's start is told, nobody writes down.
    const refusable = (id: string): boolean =>
      past.includes(life) && sent.get(id)?.of === "nowhere";
    for (const { outcome, instanceId = "", nominal } of rows)
      if (outcome === "started" && !database.instances.has(instanceId) && !refusable(instanceId))
        wrong(`the instance of ${nominal} never started`);
    for (const time of past.includes(life) ? [] : times)
      if (!isOnRecord(rows, time)) wrong(`${time} is on record no more`);
    const missed = notBackfilled(life);
    if (missed !== undefined && !past.includes(life)) wrong(`${missed} was not backfilled`);
  }
  for (const { name, state } of database.schedules.values()) {
    const { running, buffer, backfills } = JSON.parse(state) as Life["state"];
    if (running.length + buffer.length + backfills.length > 0)
      violation(`schedule ${name}: ${running.length} run, ${buffer.length} wait, in the end`);
  }
  const started = new Set(
    all.flatMap(({ decisions }) => [...decisions.values()].map(({ instanceId }) => instanceId)),
  );
  for (const row of database.instances.values()) {
    const { id } = row;
    const { schedule } = database.stateOf(row);
    if (schedule !== undefined && !sent.has(id)) violation(`${id} was started by no schedule`);
    if (schedule !== undefined && !started.has(id)) violation(`${id} is on record nowhere`);
  }
}

/** A time of a backfill without an instance, and without a reason. */
function notBackfilled({ state, decisions, backfills }: Life): number | undefined {
  for (const { after, until, spec } of backfills.values()) {
    if (JSON.stringify(spec) !== JSON.stringify(state.spec)) continue;
    for (const time of timesBetween({ ...state, spec }, after, until)) {
      const row = decisions.get(`${time}/`);
      const refused = row?.reason === "unknown-workflow";
      // It waited in the buffer, and gave way to a newer time or to a change: on record as the backfill's.
      const gaveWay = [...decisions.values()].some(
        ({ origin, outcome, nominal, until: last = nominal }) =>
          origin === "backfill" && outcome === "skipped" && nominal <= time && time <= last,
      );
      if (row?.outcome !== "started" && !refused && !gaveWay && !isExcluded(spec, time))
        return time;
    }
  }
  return undefined;
}
