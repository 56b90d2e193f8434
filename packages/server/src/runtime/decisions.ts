/** What became of the times of a schedule. */
import type { Pool } from "pg";
import type { Page } from "../runtime.ts";
import type { Origin, ScheduleDecision, SkipReason } from "../scheduler/schedule.ts";
import type { Schedules } from "../scheduler/service.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";

interface Raw {
  readonly nominal: string;
  readonly key: string;
  readonly origin: Origin;
  readonly until: string | null;
  readonly count: number | null;
  readonly outcome: "started" | "skipped";
  readonly reason: SkipReason | null;
  readonly instance_id: string | null;
  readonly detail: string | null;
  readonly at: string;
}

export async function listDecisions(
  pool: Pool,
  id: string,
  { outcome, limit, cursor }: Parameters<Schedules["listDecisions"]>[0],
): Promise<Page<ScheduleDecision>> {
  const [before = null, key = null] = cursor === undefined ? [] : decodeCursor(cursor, 2);
  if (before !== null && !/^-?\d{1,18}$/.test(before)) decodeCursor("", 2);
  const { rows } = await pool.query<Raw>({
    name: "list-decisions",
    text: `
      SELECT nominal, key, origin, until, count, outcome, reason, instance_id, detail, at FROM schedule_decisions
      WHERE schedule_id = $1 AND ($2::text IS NULL OR (nominal, key) < ($2::bigint, $3)) AND ($4::text IS NULL OR outcome = $4)
      ORDER BY nominal DESC, key DESC LIMIT $5`,
    values: [id, before, key, outcome ?? null, limit + 1],
  });
  const items = rows.slice(0, limit).map(decisionOf);
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.nominal, last.key]) };
}

function decisionOf(raw: Raw): ScheduleDecision {
  const { nominal, key, origin, until, count, outcome, reason, instance_id, detail, at } = raw;
  return {
    origin,
    nominal: Number(nominal),
    ...(key === "" || until !== null ? {} : { key }),
    ...(until === null ? {} : { until: Number(until) }),
    ...(count === null ? {} : { count }),
    outcome,
    ...(reason === null ? {} : { reason }),
    ...(instance_id === null ? {} : { instanceId: instance_id }),
    ...(detail === null ? {} : { detail }),
    at: Number(at),
  };
}

/** The instance that a trigger with this key has started. */
export async function startedByKey(
  pool: Pool,
  id: string,
  key: string,
): Promise<string | undefined> {
  const { rows } = await pool.query<{ instance_id: string }>({
    name: "started-by-key",
    text: "SELECT instance_id FROM schedule_decisions WHERE schedule_id = $1 AND key = $2 AND key <> '' AND instance_id IS NOT NULL",
    values: [id, key],
  });
  return rows[0]?.instance_id;
}
