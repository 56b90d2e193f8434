/** Reading instances and their history. */
import { type HistoryEvent, loadState, type State } from "@millrace/engine";
import { isId } from "@millrace/protocol";
import type { Pool } from "pg";
import { makeWhole } from "../payloads/parted.ts";
import { type EngineValues, PayloadError } from "../payloads/payloads.ts";
import { NONE, type Ref, takeRefs } from "../payloads/spill.ts";
import {
  DEFAULT_TENANT,
  type HistoryPage,
  type InstanceFilter,
  type InstanceSummary,
  type InstanceView,
  type Page,
  RuntimeError,
} from "../runtime.ts";
import { INSTANCE_COLUMNS, instanceRow, type RawInstance } from "../store/postgres/rows.ts";
import type { InstanceRow } from "../store/store.ts";
import type { ShownFact, ShownValue } from "./described.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";

const LISTED = INSTANCE_COLUMNS.replace("state, activities", "'' AS state, NULL AS activities");

export function noInstance(id: string): RuntimeError {
  return new RuntimeError("not-found", `there is no instance ${id}`, { subject: "instance" });
}

/** Where instances are, and their large values. */
export interface Reading {
  readonly pool: Pool;
  readonly values?: EngineValues | undefined;
}

/** Without what it waits for. @throws {RuntimeError} `not-found` @throws {PayloadError} */
export async function getInstance(reading: Reading, id: string): Promise<InstanceView> {
  const row = await readInstance(reading.pool, id);
  return viewOfState(row, await stateOf(reading, row, isShown));
}

/** True for what a view shows of a state. */
export function isShown([member]: Ref["path"]): boolean {
  return member === "input" || member === "output" || member === "error";
}

/** With its large values, or those that are wanted: `null` stands for the others. @throws {PayloadError} */
export async function stateOf(
  reading: Pick<Reading, "values">,
  row: InstanceRow,
  wanted: (path: Ref["path"]) => boolean = () => true,
): Promise<State> {
  return loadState(await recordOf(reading, row, `instance ${row.id}`, wanted));
}

/**
 * A record of its text, with those of its large values that are wanted.
 * @param whose for messages
 * @throws {PayloadError}
 */
export async function recordOf(
  { values }: Pick<Reading, "values">,
  { tenant, state }: Pick<InstanceRow, "tenant" | "state">,
  whose: string,
  wanted: (path: Ref["path"]) => boolean,
): Promise<object> {
  const record = JSON.parse(state) as object;
  const refs = takeRefs(record).filter(({ path }) => wanted(path));
  try {
    await makeWhole(values, tenant, [{ record, refs, known: NONE }]);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    const { kind, message, digest } = error;
    throw new PayloadError(kind, `a large value of ${whose}: ${message}`, digest, error);
  }
  return record;
}

/** @throws {RuntimeError} `not-found` */
export async function readInstance(pool: Pool, id: string): Promise<InstanceRow> {
  if (!isId(id)) throw noInstance(id);
  const { rows } = await pool.query<RawInstance>({
    name: "get-instance",
    text: `SELECT ${INSTANCE_COLUMNS} FROM all_instances WHERE id = $1`,
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) throw noInstance(id);
  return instanceRow(row);
}

export function viewOfState(
  row: Omit<InstanceRow, "state" | "activities">,
  state: State,
): InstanceView {
  const { input, output, error } = state;
  return {
    ...summaryOf(row),
    input,
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    ...(row.parentId === undefined ? {} : { parent: { instanceId: row.parentId } }),
  };
}

function summaryOf(row: Omit<InstanceRow, "state" | "activities">): InstanceSummary {
  const { id, namespace, name, version, status, priority, createdAt, updatedAt, endedAt } = row;
  const ended = endedAt === undefined ? {} : { endedAt };
  return { id, namespace, name, version, status, priority, createdAt, updatedAt, ...ended };
}

export async function listInstances(
  pool: Pool,
  filter: InstanceFilter,
): Promise<Page<InstanceSummary>> {
  const [before] = filter.cursor === undefined ? [null] : decodeCursor(filter.cursor, 1);
  const { rows } = await pool.query<RawInstance>({
    name: "list-instances",
    text: `
      SELECT ${LISTED} FROM all_instances
      WHERE tenant = $1 AND ($2::text IS NULL OR id < $2)
        AND ($3::text IS NULL OR namespace = $3) AND ($4::text IS NULL OR name = $4)
        AND ($5::text IS NULL OR version = $5) AND ($6::text[] IS NULL OR status = ANY ($6))
        AND ($7::bigint IS NULL OR created_at >= $7) AND ($8::bigint IS NULL OR created_at < $8)
        AND ($9::int[] IS NULL OR priority = ANY ($9))
      ORDER BY id DESC LIMIT $10`,
    values: [
      filter.tenant ?? DEFAULT_TENANT,
      before,
      filter.namespace ?? null,
      filter.name ?? null,
      filter.version ?? null,
      filter.status === undefined ? null : [...filter.status],
      filter.since ?? null,
      filter.until ?? null,
      filter.priority === undefined ? null : [...filter.priority],
      filter.limit + 1,
    ],
  });
  const items = rows.slice(0, filter.limit).map((row) => summaryOf(instanceRow(row)));
  const last = items.at(-1);
  if (rows.length <= filter.limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.id]) };
}

/** @throws {RuntimeError} `not-found` */
export async function getHistory(
  { pool, values }: Reading,
  id: string,
  after: number,
  limit: number,
): Promise<HistoryPage> {
  if (!isId(id)) throw noInstance(id);
  // The newest facts stand in the instance's row, the older ones in history: one snapshot of both.
  const { rows } = await pool.query<RawFacts>({
    name: "history",
    text: `
      SELECT h.events, i.tenant, i.seq AS total, CASE WHEN i.seq > $2 AND h.first_seq IS NULL THEN i.facts ELSE '' END AS facts
      FROM all_instances AS i
      LEFT JOIN LATERAL (
        SELECT * FROM history WHERE instance_id = i.id AND last_seq > $2
        UNION ALL SELECT i.partition, i.id, NULL, NULL, NULL
        ORDER BY first_seq LIMIT $3
      ) AS h ON true
      WHERE i.id = $1 ORDER BY h.first_seq`,
    values: [id, after, limit],
  });
  const [first] = rows;
  if (first === undefined) throw noInstance(id);
  const events: ShownFact[] = [];
  for (const row of rows) {
    if (events.length >= limit) break;
    const facts = row.events ?? `[${row.facts.slice(0, -1)}]`;
    for (const event of JSON.parse(facts) as HistoryEvent[])
      if (event.seq > after) events.push(await shown(event, values, first.tenant));
  }
  const last = events.at(-1)?.seq ?? after;
  return last < Number(first.total) && events.length > 0 ? { events, next: last } : { events };
}

/** A large value is shown as where it is; but what an error says is to be read. */
async function shown(
  fact: HistoryEvent,
  values: EngineValues | undefined,
  tenant: string,
): Promise<ShownFact> {
  const all = takeRefs(fact);
  if (all.length === 0) return fact;
  const refs = all.filter(({ path }) => path[0] !== "error");
  const ofError = { record: fact, refs: all.filter(({ path }) => path[0] === "error") };
  await makeWhole(values, tenant, [{ ...ofError, known: NONE }]);
  return refs.length === 0 ? fact : { ...fact, payloads: refs.map(shownRef) };
}

export function shownRef({ path, digest, bytes }: Ref): ShownValue {
  const steps = path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return { path: steps.join(""), digest, bytes };
}

interface RawFacts {
  readonly tenant: string;
  readonly events: string | null;
  readonly facts: string;
  readonly total: string;
}
