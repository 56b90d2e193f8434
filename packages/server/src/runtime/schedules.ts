/** Schedules on PostgreSQL: commands for the owner of their partition, and what readers ask. */
import { randomUUID } from "node:crypto";
import { partitionOf } from "@millrace/protocol";
import type { Pool } from "pg";
import { type Ref, takeRefs } from "../payloads/spill.ts";
import type { Clock } from "../clock.ts";
import type { Owner } from "../owner/owner.ts";
import { DEFAULT_TENANT, type Page, RuntimeError } from "../runtime.ts";
import { timesWith } from "../scheduler/calendar.ts";
import type { CalendarSnapshot } from "../scheduler/calendars.ts";
import { scheduleId } from "../scheduler/ids.ts";
import type { ScheduleCommand, ScheduleSpec, ScheduleState } from "../scheduler/schedule.ts";
import type { PreviewedTime, ScheduleName, Schedules, ScheduleView } from "../scheduler/service.ts";
import { filtersOf } from "../scheduler/strategy.ts";
import {
  deleteCalendar,
  expectCalendars,
  getCalendar,
  listCalendars,
  putCalendar,
} from "./calendars.ts";
import { checkFilters, insertFilters } from "./event-filters.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";
import { listDecisions, startedByKey } from "./decisions.ts";
import { type Reading, recordOf, shownRef } from "./instances.ts";
import { excluded, upcoming } from "./schedule-times.ts";
import { explained } from "./outage.ts";
import { submitted } from "./submit.ts";
import { type Caller, within } from "./within.ts";

export interface ScheduleParts extends Reading {
  readonly owner: Owner;
  readonly clock: Clock;
  readonly partitions: number;
  readonly databaseNow: () => number;
  readonly calendars: CalendarSnapshot;
}

type Answered = <T>(work: (caller: Caller) => Promise<T>) => Promise<T>;

export function postgresSchedules(parts: ScheduleParts): Schedules {
  const { pool, clock } = parts;
  const answered: Answered = (work) => explained(within(clock, work));
  return Object.freeze<Schedules>({
    createSchedule: ({ spec, paused, ...name }) =>
      answered(async (caller) => {
        await prepare(parts, name.tenant ?? DEFAULT_TENANT, spec);
        return putSchedule(
          parts,
          name,
          { spec, mode: "create", source: "api", ...(paused === undefined ? {} : { paused }) },
          caller,
        );
      }),
    updateSchedule: ({ spec, ...name }) =>
      answered(async (caller) => {
        await prepare(parts, name.tenant ?? DEFAULT_TENANT, spec);
        return putSchedule(parts, name, { spec, mode: "update", source: "api" }, caller);
      }),
    getSchedule: (name) => answered(() => getSchedule(parts, name)),
    listSchedules: (request) => answered(() => listSchedules(parts, request)),
    deleteSchedule: (name) =>
      answered(
        async (caller) => void (await tell(parts, name, { kind: "schedule.delete" }, caller)),
      ),
    pauseSchedule: ({ note, ...name }) =>
      answered((caller) =>
        changed(parts, name, { kind: "schedule.pause", ...noted(note) }, caller),
      ),
    resumeSchedule: ({ note, ...name }) =>
      answered((caller) =>
        changed(parts, name, { kind: "schedule.resume", ...noted(note) }, caller),
      ),
    triggerSchedule: (request) => answered((caller) => trigger(parts, request, caller)),
    backfillSchedule: (request) => answered((caller) => backfill(parts, request, caller)),
    previewSchedule: (request) => answered(() => previewSchedule(parts, request)),
    previewSpec: (spec, after, count) =>
      answered(async () => {
        await expectCalendars(parts, DEFAULT_TENANT, spec);
        const createdAt = parts.databaseNow();
        const id = scheduleId(DEFAULT_TENANT, "", parts.partitions);
        const schedule = { id, tenant: DEFAULT_TENANT, spec, createdAt };
        return upcoming(timesWith(parts.calendars), schedule, after ?? createdAt, count);
      }),
    listDecisions: (request) =>
      answered(async () => {
        const { id } = await readSchedule(parts, request);
        return listDecisions(pool, id, request);
      }),
    putCalendar: (request) => answered(() => putCalendar(parts, request)),
    getCalendar: (request) => answered(() => getCalendar(parts, request)),
    listCalendars: (request) => answered(() => listCalendars(parts, request)),
    deleteCalendar: (request) => answered(() => deleteCalendar(parts, request)),
  });
}

function noted(note: string | undefined): { readonly note?: string } {
  return note === undefined ? {} : { note };
}

/** What a schedule through the API needs to be there before it is made. */
async function prepare(parts: ScheduleParts, tenant: string, spec: ScheduleSpec): Promise<void> {
  const { pool } = parts;
  await expectWorkflow(pool, tenant, spec);
  await expectCalendars(parts, tenant, spec);
  const filters = filtersOf(spec);
  await checkFilters(pool, tenant, filters, "invalid-schedule");
  for (const statement of insertFilters(tenant, filters))
    await pool.query({ ...statement, values: [...statement.values] });
}

async function expectWorkflow(
  pool: Pool,
  tenant: string,
  { workflow }: ScheduleSpec,
): Promise<void> {
  const { namespace, name, version } = workflow;
  const { rowCount } = await pool.query(
    `SELECT FROM workflows
     WHERE tenant = $1 AND namespace = $2 AND name = $3 AND ($4::text IS NULL OR version = $4) LIMIT 1`,
    [tenant, namespace, name, version ?? null],
  );
  if (rowCount === 1) return;
  const message = `there is no workflow ${namespace}/${name}${version === undefined ? "" : ` ${version}`}`;
  throw new RuntimeError("not-found", message, { subject: "workflow" });
}

export async function putSchedule(
  parts: ScheduleParts,
  { tenant = DEFAULT_TENANT, name }: ScheduleName,
  put: Omit<
    Extract<ScheduleCommand, { kind: "schedule.put" }>,
    "kind" | "tenant" | "name" | "token"
  >,
  caller: Caller,
): Promise<ScheduleView> {
  return changed(
    parts,
    { tenant, name },
    { kind: "schedule.put", tenant, name, token: randomUUID(), ...put },
    caller,
  );
}

/** Tells the schedule, and gives it as it stands then. */
async function changed(
  parts: ScheduleParts,
  name: ScheduleName,
  command: ScheduleCommand,
  caller: Caller,
): Promise<ScheduleView> {
  const { schedule } = await tell(parts, name, command, caller);
  return schedule === undefined
    ? bareView(parts, await rowOf(parts, name))
    : viewOf(parts, schedule);
}

/** @throws {RuntimeError} `not-found`, `conflict` */
export async function tell(
  { owner, partitions }: ScheduleParts,
  name: ScheduleName,
  command: ScheduleCommand,
  caller: Caller,
): ReturnType<typeof submitted> {
  const id = scheduleId(name.tenant ?? DEFAULT_TENANT, name.name, partitions);
  const entry = {
    instanceId: id,
    partition: partitionOf(id),
    schedule: true,
    command,
    caller,
  } as const;
  const outcome = await submitted(owner, entry);
  const { answer } = outcome;
  if (answer?.kind === "missing") throw noSchedule(name);
  if (answer?.kind === "conflict")
    throw new RuntimeError("conflict", answer.detail, { subject: "schedule" });
  return outcome;
}

function noSchedule({ name }: ScheduleName): RuntimeError {
  return new RuntimeError("not-found", `there is no schedule ${name}`, { subject: "schedule" });
}

function viewOf(
  { calendars }: Pick<ScheduleParts, "calendars">,
  state: ScheduleState,
): ScheduleView {
  const { v: _, tenant: __, groups: ___, token: ____, triggers: _____, ...more } = state;
  const { lastEnd: ______, next, ...view } = more;
  if (next === undefined) return view;
  return { ...view, next: { ...next, ...excluded(timesWith(calendars), state, next.nominal) } };
}

/** Without its large values, which are not loaded. */
function bareView(parts: Pick<ScheduleParts, "calendars">, { state }: RawSchedule): ScheduleView {
  const schedule = JSON.parse(state) as ScheduleState;
  const refs = takeRefs(schedule).filter(({ path }) => isShown(path));
  const view = viewOf(parts, schedule);
  return refs.length === 0 ? view : { ...view, payloads: refs.map(shownRef) };
}

async function getSchedule(parts: ScheduleParts, name: ScheduleName): Promise<ScheduleView> {
  return viewOf(parts, await readSchedule(parts, name, isShown));
}

/** True for what users are shown: of what waits, only how much it is. */
function isShown([member]: Ref["path"]): boolean {
  return member === "spec";
}

/** With the newest calendars, where it has any; of its large values, with those that are wanted. @throws {PayloadError} */
async function readSchedule(
  parts: ScheduleParts,
  name: ScheduleName,
  wanted: (path: Ref["path"]) => boolean = () => false,
): Promise<ScheduleState> {
  const schedule = await stateOf(parts, await rowOf(parts, name), wanted);
  if (schedule.spec.calendars !== undefined) await parts.calendars.refresh();
  return schedule;
}

async function rowOf(
  { pool, partitions }: ScheduleParts,
  name: ScheduleName,
): Promise<RawSchedule> {
  const { rows } = await pool.query<RawSchedule>({
    name: "get-schedule",
    text: "SELECT tenant, name, state FROM schedules WHERE id = $1",
    values: [scheduleId(name.tenant ?? DEFAULT_TENANT, name.name, partitions)],
  });
  if (rows[0] === undefined) throw noSchedule(name);
  return rows[0];
}

interface RawSchedule {
  readonly tenant: string;
  readonly name: string;
  readonly state: string;
}

async function stateOf(
  reading: Reading,
  { name, ...row }: RawSchedule,
  wanted: (path: Ref["path"]) => boolean,
): Promise<ScheduleState> {
  return (await recordOf(reading, row, `schedule ${name}`, wanted)) as ScheduleState;
}

async function listSchedules(
  parts: ScheduleParts,
  request: Parameters<Schedules["listSchedules"]>[0],
): Promise<Page<ScheduleView>> {
  const { tenant = DEFAULT_TENANT, namespace, workflow, paused, limit, cursor } = request;
  const [after = ""] = cursor === undefined ? [] : decodeCursor(cursor, 1);
  const { rows } = await parts.pool.query<RawSchedule>({
    name: "list-schedules",
    text: `
      SELECT tenant, name, state FROM schedules
      WHERE tenant = $1 AND name > $2 AND ($3::text IS NULL OR namespace = $3)
        AND ($4::text IS NULL OR workflow = $4) AND ($5::boolean IS NULL OR paused = $5)
      ORDER BY name LIMIT $6`,
    values: [tenant, after, namespace ?? null, workflow ?? null, paused ?? null, limit + 1],
  });
  // A page of them may have more large values than there is memory, and one that cannot be had is to hide no other schedule.
  const items = rows.slice(0, limit).map((row) => bareView(parts, row));
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.name]) };
}

async function trigger(
  parts: ScheduleParts,
  { key, input, ...name }: Parameters<Schedules["triggerSchedule"]>[0],
  caller: Caller,
): ReturnType<Schedules["triggerSchedule"]> {
  if (key !== undefined) {
    const { id } = await readSchedule(parts, name);
    const known = await startedByKey(parts.pool, id, key);
    if (known !== undefined) return { instanceId: known, created: false };
  }
  const said = input === undefined ? {} : { input };
  const asked = { key: key ?? randomUUID(), at: parts.databaseNow() };
  const command = { kind: "schedule.trigger", ...asked, ...said } as const;
  const { answer, schedule } = await tell(parts, name, command, caller);
  if (answer?.kind !== "started" || schedule === undefined)
    throw new Error("a trigger started nothing");
  const { instanceId } = answer;
  await untilStarted(parts, instanceId, [schedule.id, command.key], caller);
  return { instanceId, created: true };
}

/** Milliseconds between two looks. */
const LOOK = 5;

/**
 * The start is durable and will happen, a moment later: whoever asks for the instance next is to find it.
 * @throws {RuntimeError} `not-found` when there is no such workflow any more
 */
async function untilStarted(
  { pool, clock }: ScheduleParts,
  instanceId: string,
  trigger: readonly [scheduleId: string, key: string],
  caller: Caller,
): Promise<void> {
  while (!caller.gone) {
    const { rows } = await pool.query<{ refusal: string | null }>({
      name: "started-or-refused",
      text: `SELECT NULL AS refusal FROM all_instances WHERE id = $1
             UNION ALL
             SELECT coalesce(detail, reason) FROM schedule_decisions
             WHERE schedule_id = $2 AND key = $3 AND key <> '' AND outcome = 'skipped'`,
      values: [instanceId, ...trigger],
    });
    const [found] = rows;
    if (found?.refusal === null) return;
    if (found !== undefined)
      throw new RuntimeError("not-found", found.refusal, { subject: "workflow" });
    await new Promise<void>((resolve) => clock.after(LOOK, resolve));
  }
}

/** Times that one backfill may start at most. */
const MOST_TIMES = 100_000;

async function backfill(
  parts: ScheduleParts,
  { from, until, overlap = "allow", ...name }: Parameters<Schedules["backfillSchedule"]>[0],
  caller: Caller,
): ReturnType<Schedules["backfillSchedule"]> {
  const refuse = (message: string): never => {
    throw new RuntimeError("invalid-input", message, { subject: "schedule" });
  };
  if (until < from) refuse("`until` lies before `from`");
  if (until > parts.databaseNow())
    refuse("`until` lies in the future: those times are still to come");
  const schedule = await readSchedule(parts, name);
  const times = timesWith(parts.calendars);
  const { kind } = schedule.spec.trigger;
  if (kind === "after" || kind === "on") refuse(`a schedule by \`${kind}\` has no past times`);
  let count = 0;
  for (
    let next = times.next(schedule, from - 1);
    next !== undefined;
    next = times.next(schedule, next.nominal)
  ) {
    if (next.nominal > until) break;
    if (times.exclusion(schedule, next.nominal) === undefined) count += 1;
    if (count > MOST_TIMES)
      refuse(`more than ${MOST_TIMES} times lie between; take a shorter stretch`);
  }
  const command = { kind: "schedule.backfill", id: randomUUID(), from, until, overlap } as const;
  await tell(parts, name, command, caller);
  return { times: count };
}

async function previewSchedule(
  parts: ScheduleParts,
  { after, count, ...name }: Parameters<Schedules["previewSchedule"]>[0],
): Promise<readonly PreviewedTime[]> {
  const schedule = await readSchedule(parts, name);
  return upcoming(timesWith(parts.calendars), schedule, after ?? parts.databaseNow(), count);
}
