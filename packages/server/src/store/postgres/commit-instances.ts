/**
 * Statements for instances and their facts.
 *
 * A live instance is one row of `instances`; when it ends the row moves to `finished`, and back when it is retried. New facts are appended to the row
 * (`facts`); now and then, and when they are long, they go to `history`, so that the row stays small.
 */
import type { Batch, HistoryRow, InstanceRow } from "../store.ts";
import { bigints, column, eachFound, ints, joined, split } from "./columns.ts";
import type { Statement } from "./statement.ts";

/** The facts in a live row go to `history` when their number passes a multiple of this. */
const FACTS = 32;
/** Facts of one commit that are longer, in characters, go to `history` at once. */
const LONG = 4096;

/** An instance's row with the facts of this commit. */
interface Written {
  readonly row: InstanceRow;
  /** Number of facts. */
  readonly count: number;
  /** As JSON, each followed by a comma. */
  readonly facts: string;
  /** The facts go to `history`, and those in the row before them. */
  readonly flush: boolean;
}

export function instanceStatements(batch: Batch): readonly Statement[] {
  const facts = new Map(batch.history.map((row) => [row.instanceId, row]));
  const written = (row: InstanceRow): Written => withFacts(row, facts.get(row.id));
  const updated = batch.updated.map(written);
  const created = batch.created.map(written);
  const all = [...created, ...updated];
  return [
    ...revive(batch.revived),
    ...moveFacts(updated.filter(({ flush }) => flush)),
    ...insertHistory(all.filter(({ flush }) => flush)),
    ...update(updated.filter(({ row }) => row.endedAt === undefined)),
    ...end(updated.filter(({ row }) => row.endedAt !== undefined)),
    ...insert(created.filter(({ row }) => row.endedAt === undefined)),
    ...insertEnded(created.filter(({ row }) => row.endedAt !== undefined)),
  ];
}

function withFacts(row: InstanceRow, history: HistoryRow | undefined): Written {
  const events = history?.events ?? [];
  const count = events.length;
  const facts = count === 0 ? "" : `${(history?.text ?? JSON.stringify(events)).slice(1, -1)},`;
  const passes = Math.floor(row.seq / FACTS) > Math.floor((row.seq - count) / FACTS);
  // The last facts of an instance move with its row, which nobody writes again.
  const flush = count > 0 && (facts.length > LONG || (passes && row.endedAt === undefined));
  return { row, count, facts, flush };
}

function moveFacts(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    INSERT INTO history (partition, instance_id, first_seq, last_seq, events)
    SELECT i.partition, i.id, i.facts_after + 1, i.seq, '[' || rtrim(i.facts, ',') || ']'
    FROM ${eachFound("instances", `unnest(${split(1)}) AS n(id)`, "x.id = n.id")}
    JOIN instances AS i ON i.ctid = n.found
    WHERE i.facts <> ''`;
  return [{ name: "move-facts", text, values: [joined(rows, ({ row }) => row.id)] }];
}

function insertHistory(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    INSERT INTO history (partition, instance_id, first_seq, last_seq, events)
    SELECT * FROM unnest($1::int[], ${split(2)}, $3::bigint[], $4::bigint[], ${split(5)})`;
  const values = [
    ints(rows, ({ row }) => row.partition),
    joined(rows, ({ row }) => row.id),
    bigints(rows, ({ row, count }) => row.seq - count + 1),
    bigints(rows, ({ row }) => row.seq),
    joined(rows, ({ facts }) => `[${facts.slice(0, -1)}]`),
  ];
  return [{ name: "insert-history", text, values }];
}

/** What a write brings, as a row `n`; {@link changes} gives the values, and $11 is a column of the statement's own. */
const brought = (parameter: string, column: string): string =>
  eachFound(
    "instances",
    `unnest(${split(1)}, ${split(2)}, $3::bigint[], $4::bigint[], $5::int[], $6::int[], ${split(7)},
                 ${split(8)}, $9::bigint[], ${parameter})
              AS n(id, status, revision, seq, count, flush, state, facts, updated_at, ${column})`,
    "x.id = n.id",
  );
/** And what it builds on: the revision before, and the last fact before those it adds. */
const BUILDS_ON = "i.ctid = n.found AND i.revision = n.revision - 1 AND i.seq = n.seq - n.count";
const FACTS_NOW = "CASE WHEN n.flush = 1 THEN '' ELSE i.facts || coalesce(n.facts, '') END";
const FACTS_AFTER = "CASE WHEN n.flush = 1 THEN n.seq ELSE i.facts_after END";

function changes(rows: readonly Written[]): readonly unknown[] {
  return [
    joined(rows, ({ row }) => row.id),
    joined(rows, ({ row }) => row.status),
    bigints(rows, ({ row }) => row.revision),
    bigints(rows, ({ row }) => row.seq),
    ints(rows, ({ count }) => count),
    ints(rows, ({ flush }) => (flush ? 1 : 0)),
    joined(rows, ({ row }) => row.state),
    joined(rows, inRow),
    bigints(rows, ({ row }) => row.updatedAt),
    rows.length,
  ];
}

/** The facts that stand in the instance's row. */
function inRow({ flush, facts }: Written): string {
  return flush ? "" : facts;
}

function update(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    WITH written AS (
      UPDATE instances AS i
      SET status = n.status, revision = n.revision, seq = n.seq, state = n.state, activities = n.activities,
          facts = ${FACTS_NOW}, facts_after = ${FACTS_AFTER}, updated_at = n.updated_at
      FROM ${brought(split(11), "activities")}
      WHERE ${BUILDS_ON}
      RETURNING 1
    )
    SELECT expect_rows((SELECT count(*) FROM written), $10::bigint)`;
  const values = [...changes(rows), joined(rows, ({ row }) => row.activities)];
  return [{ name: "update-instances", text, values }];
}

function end(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    WITH gone AS (
      DELETE FROM instances AS i
      USING ${brought("$11::bigint[]", "ended_at")}
      WHERE ${BUILDS_ON}
      RETURNING i.id, i.partition, i.tenant, i.namespace, i.name, i.version, n.status, n.revision, n.seq, n.state,
        i.created_at, n.updated_at, i.parent_id, i.parent_child_id, ${FACTS_NOW} AS facts,
        ${FACTS_AFTER} AS facts_after, i.priority, n.ended_at
    ), written AS (
      INSERT INTO finished (${NEW}, ended_at) SELECT * FROM gone RETURNING 1
    )
    SELECT expect_rows((SELECT count(*) FROM written), $10::bigint)`;
  const values = [...changes(rows), bigints(rows, ({ row }) => row.endedAt)];
  return [{ name: "end-instances", text, values }];
}

/** Rows of what had ended become live ones again, as they were: whatever is to be written to them comes after. */
function revive(rows: Batch["revived"]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `
    WITH back AS (
      DELETE FROM finished AS f
      USING ${eachFound("finished", `unnest(${split(1)}) AS n(id)`, "x.id = n.id")}
      WHERE f.ctid = n.found
      RETURNING f.id, f.partition, f.tenant, f.namespace, f.name, f.version, 'running', f.revision, f.seq, f.state,
        f.created_at, f.updated_at, f.parent_id, f.parent_child_id, f.facts, f.facts_after, f.priority
    ), written AS (
      INSERT INTO instances (${NEW}) SELECT * FROM back RETURNING 1
    )
    SELECT expect_rows((SELECT count(*) FROM written), $2::bigint)`;
  return [{ name: "revive-instances", text, values: [joined(rows, ({ id }) => id), rows.length] }];
}

/** Columns that new live and new finished rows have in common: their names, how they are read, and their values. */
const NEW =
  "id, partition, tenant, namespace, name, version, status, revision, seq, state, created_at, updated_at, parent_id, parent_child_id, facts, facts_after, priority";
// Few workflows and priorities stand behind many rows, so each row names them by one number.
const READ = `
    SELECT n.id, n.partition, ($4::text[])[n.w], ($5::text[])[n.w], ($6::text[])[n.w], ($7::text[])[n.w], n.status,
           n.revision, n.seq, n.state, n.created_at, n.updated_at, n.parent_id, n.parent_child_id,
           coalesce(n.facts, ''), n.facts_after, ($18::int[])[n.w]`;
const FROM = `
    FROM unnest(${split(1)}, $2::int[], $3::int[], ${split(8)}, $9::bigint[], $10::bigint[], ${split(11)},
                $12::bigint[], $13::bigint[], ${split(14)}, ${split(15)}, ${split(16)}, $17::bigint[]`;
const NAMES =
  "id, partition, w, status, revision, seq, state, created_at, updated_at, parent_id, parent_child_id, facts, facts_after";

function newValues(rows: readonly Written[]): readonly unknown[] {
  const numbers = new Map<string, number>();
  const workflows: InstanceRow[] = [];
  const workflow = (row: InstanceRow): number => {
    const { tenant, namespace, name, version, priority } = row;
    const key = `${tenant}\n${namespace}\n${name}\n${version}\n${priority}`;
    const number = numbers.get(key) ?? workflows.push(row);
    numbers.set(key, number);
    return number;
  };
  return [
    joined(rows, ({ row }) => row.id),
    ints(rows, ({ row }) => row.partition),
    ints(rows, ({ row }) => workflow(row)),
    column(workflows, (row) => row.tenant),
    column(workflows, (row) => row.namespace),
    column(workflows, (row) => row.name),
    column(workflows, (row) => row.version),
    joined(rows, ({ row }) => row.status),
    bigints(rows, ({ row }) => row.revision),
    bigints(rows, ({ row }) => row.seq),
    joined(rows, ({ row }) => row.state),
    bigints(rows, ({ row }) => row.createdAt),
    bigints(rows, ({ row }) => row.updatedAt),
    joined(rows, ({ row }) => row.parentId),
    joined(rows, ({ row }) => row.parentChildId),
    joined(rows, inRow),
    bigints(rows, ({ row, flush }) => (flush ? row.seq : 0)),
    column(workflows, (row) => row.priority),
  ];
}

function insert(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `INSERT INTO instances (${NEW}, activities) ${READ}, n.activities ${FROM}, ${split(19)}) AS n(${NAMES}, activities)`;
  const values = [...newValues(rows), joined(rows, ({ row }) => row.activities)];
  return [{ name: "insert-instances", text, values }];
}

/** Instances that started and ended in this very commit. */
function insertEnded(rows: readonly Written[]): readonly Statement[] {
  if (rows.length === 0) return [];
  const text = `INSERT INTO finished (${NEW}, ended_at) ${READ}, n.ended_at ${FROM}, $19::bigint[]) AS n(${NAMES}, ended_at)`;
  const values = [...newValues(rows), bigints(rows, ({ row }) => row.endedAt)];
  return [{ name: "insert-finished", text, values }];
}
