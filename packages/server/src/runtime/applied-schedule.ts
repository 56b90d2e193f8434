/** The schedule that a definition makes of itself. */
import { formatIssue, parseYaml, type Program } from "@millrace/language";
import type { Pool } from "pg";
import { scheduleId } from "../scheduler/ids.ts";
import { scheduleNameOfDefinition, scheduleOfDefinition } from "../scheduler/read-spec.ts";
import { newestVersion } from "../store/postgres/versions.ts";
import { RuntimeError } from "../runtime.ts";
import { missingCalendars } from "./calendars.ts";
import { putSchedule, type ScheduleParts, tell } from "./schedules.ts";
import type { Caller } from "./within.ts";

type Applied = Pick<Program, "namespace" | "name" | "version" | "definition">;

async function versionsOf(
  pool: Pool,
  tenant: string,
  { namespace, name }: Applied,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ version: string }>(
    "SELECT version FROM workflows WHERE tenant = $1 AND namespace = $2 AND name = $3",
    [tenant, namespace, name],
  );
  return rows.map(({ version }) => version);
}

/**
 * Before a definition is stored: that there are the calendars which its schedule would refer to. An older version than the
 * newest makes none.
 * @throws {RuntimeError} `invalid-workflow`
 */
export async function checkScheduleCalendars(
  parts: ScheduleParts,
  tenant: string,
  { program, text }: { readonly program: Applied; readonly text: string },
): Promise<void> {
  const spec = scheduleOfDefinition(program);
  if (spec?.calendars === undefined) return;
  const versions = await versionsOf(parts.pool, tenant, program);
  if (newestVersion([...versions, program.version]) !== program.version) return;
  const missing = await missingCalendars(parts, tenant, spec);
  if (missing.length === 0) return;
  const parsed = parseYaml(text);
  const issues = missing.map(({ path, message }) => {
    const inside = `document.metadata.millrace.schedule.${path}`;
    const pointer = `/${inside.replaceAll(/[.[]/g, "/").replaceAll("]", "")}`;
    return parsed.locate({ path: inside, pointer, message, code: "schedule" });
  });
  const [first] = issues;
  throw new RuntimeError("invalid-workflow", first === undefined ? "" : formatIssue(first), {
    issues,
  });
}

/**
 * The schedule of a definition follows its newest version: it is made, changed, or deleted when that is applied. To apply a
 * version again does what may have been left undone.
 * @throws {RuntimeError} `conflict` when somebody made a schedule of that name through the API
 */
export async function scheduleApplied(
  parts: ScheduleParts,
  tenant: string,
  program: Applied,
  caller: Caller,
): Promise<void> {
  if (newestVersion(await versionsOf(parts.pool, tenant, program)) !== program.version) return;
  const schedule = { tenant, name: scheduleNameOfDefinition(program) };
  const spec = scheduleOfDefinition(program);
  if (spec !== undefined) {
    await putSchedule(parts, schedule, { spec, mode: "either", source: "definition" }, caller);
    return;
  }
  // Most workflows have none and never had.
  const id = scheduleId(tenant, schedule.name, parts.partitions);
  const { rowCount } = await parts.pool.query("SELECT FROM schedules WHERE id = $1", [id]);
  if (rowCount === 1)
    await tell(parts, schedule, { kind: "schedule.delete", source: "definition" }, caller);
}
