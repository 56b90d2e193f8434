/** Workflow versions: applying, reading, listing. */
import { createHash } from "node:crypto";
import {
  formatIssue,
  isObject,
  type Json,
  type JsonObject,
  load,
  type Loaded,
  type Program,
} from "@millrace/language";
import type { Pool } from "pg";
import {
  type AppliedWorkflow,
  DEFAULT_TENANT,
  type Page,
  type Runtime,
  RuntimeError,
  type WorkflowSummary,
  type WorkflowView,
} from "../runtime.ts";
import { loadComplete, type ResourceSource } from "../external/complete.ts";
import { inOneFlight } from "../store/postgres/transaction.ts";
import { newestVersion } from "../store/postgres/versions.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";
import { checkFilters, insertFilters } from "./event-filters.ts";

interface Raw {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly title: string | null;
  readonly summary: string | null;
  readonly created_at: string;
  readonly definition?: string;
}

/** A definition that can be stored: valid, with all it takes from outside. */
interface Applicable {
  readonly text: string;
  readonly definition: JsonObject;
  readonly program: Program;
  readonly digest: string;
  /** As JSON text; null when it takes nothing. */
  readonly resources: string | null;
}

/**
 * Reads and checks a definition and fetches what it takes from outside; nothing is fetched for a version that is there
 * already, which keeps what it has.
 * @throws {RuntimeError} `invalid-workflow`
 */
export async function completeWorkflow(
  pool: Pool,
  source: ResourceSource,
  { tenant = DEFAULT_TENANT, text, source: file }: Parameters<Runtime["applyWorkflow"]>[0],
): Promise<Applicable> {
  const options = file === undefined ? {} : { file };
  const alone = accepted(load(text, options));
  const digest = createHash("sha256").update(canonical(alone.definition)).digest("hex");
  const ready = { text, digest, resources: null };
  const { namespace, name, version } = alone.program;
  if (alone.missing.length === 0) return { ...ready, ...alone };
  const { rowCount } = await pool.query(
    "SELECT FROM workflows WHERE tenant = $1 AND namespace = $2 AND name = $3 AND version = $4",
    [tenant, namespace, name, version],
  );
  if (rowCount === 1) return { ...ready, ...alone };
  const { loaded, resources } = await loadComplete(text, options, source);
  return { ...ready, ...accepted(loaded), resources: JSON.stringify(resources) };
}

function accepted(loaded: Loaded): Extract<Loaded, { ok: true }> {
  if (loaded.ok) return loaded;
  const { issues } = loaded;
  const [first] = issues;
  const message = first === undefined ? "the definition is not valid" : formatIssue(first);
  throw new RuntimeError("invalid-workflow", message, { issues });
}

export async function applyWorkflow(
  pool: Pool,
  tenant: string,
  applicable: Applicable,
): Promise<AppliedWorkflow> {
  const { definition, program, text, digest, resources } = applicable;
  const { namespace, name, version } = program;
  const document = isObject(definition.document ?? null) ? (definition.document as JsonObject) : {};
  await checkFilters(pool, tenant, program.eventFilters);
  const insert = `
    INSERT INTO workflows
      (tenant, namespace, name, version, definition, digest, title, summary, resources, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now_ms()) ON CONFLICT DO NOTHING`;
  const values = [
    tenant,
    namespace,
    name,
    version,
    text,
    digest,
    columnText(document.title),
    columnText(document.summary),
    resources,
  ];
  const [inserted] = await inOneFlight(pool, [
    { name: "insert-workflow", text: insert, values },
    ...insertFilters(tenant, program.eventFilters),
  ]);
  const workflow = await getWorkflow(pool, { tenant, namespace, name, version });
  if (workflow.digest !== digest)
    throw new RuntimeError(
      "conflict",
      `${namespace}/${name} ${version} exists with other content; apply it under a new version`,
    );
  return { outcome: inserted?.rowCount === 1 ? "created" : "unchanged", workflow };
}

/** For display beside the definition, which has it exactly: a column holds no NUL and no half of a surrogate pair. */
function columnText(value: Json | undefined): string | null {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\uFFFD") : null;
}

export async function getWorkflow(
  pool: Pool,
  request: Parameters<Runtime["getWorkflow"]>[0],
): Promise<WorkflowView> {
  const { tenant = DEFAULT_TENANT, namespace, name } = request;
  const version =
    request.version === undefined || request.version === "latest"
      ? await newest(pool, tenant, namespace, name)
      : request.version;
  const { rows } = await pool.query<Raw>(
    `SELECT namespace, name, version, digest, title, summary, created_at, definition FROM workflows
     WHERE tenant = $1 AND namespace = $2 AND name = $3 AND version = $4`,
    [tenant, namespace, name, version],
  );
  const [row] = rows;
  const loaded = row?.definition === undefined ? undefined : load(row.definition);
  if (row?.definition === undefined || loaded?.ok !== true)
    throw new RuntimeError(
      "not-found",
      `there is no workflow ${namespace}/${name} ${version ?? ""}`,
      {
        subject: "workflow",
      },
    );
  return { ...summaryOf(row), definition: loaded.definition, text: row.definition };
}

async function newest(
  pool: Pool,
  tenant: string,
  namespace: string,
  name: string,
): Promise<string | undefined> {
  const { rows } = await pool.query<{ version: string }>(
    "SELECT version FROM workflows WHERE tenant = $1 AND namespace = $2 AND name = $3",
    [tenant, namespace, name],
  );
  return newestVersion(rows.map((row) => row.version));
}

export async function listWorkflows(
  pool: Pool,
  request: Parameters<Runtime["listWorkflows"]>[0],
): Promise<Page<WorkflowSummary>> {
  const { tenant = DEFAULT_TENANT, limit } = request;
  const after = request.cursor === undefined ? ["", "", ""] : decodeCursor(request.cursor, 3);
  const { rows } = await pool.query<Raw>(
    `SELECT namespace, name, version, digest, title, summary, created_at FROM workflows
     WHERE tenant = $1 AND (namespace, name, version) > ($2, $3, $4)
       AND ($5::text IS NULL OR namespace = $5) AND ($6::text IS NULL OR name = $6)
     ORDER BY namespace, name, version LIMIT $7`,
    [tenant, ...after, request.namespace ?? null, request.name ?? null, limit + 1],
  );
  const items = rows.slice(0, limit).map(summaryOf);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.namespace, last.name, last.version]) };
}

function summaryOf(row: Raw): WorkflowSummary {
  const { namespace, name, version, digest } = row;
  return {
    namespace,
    name,
    version,
    digest,
    createdAt: Number(row.created_at),
    ...(row.title === null ? {} : { title: row.title }),
    ...(row.summary === null ? {} : { summary: row.summary }),
  };
}

/** JSON with sorted keys: two texts that mean the same have the same digest. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`);
  return `{${entries.join(",")}}`;
}
