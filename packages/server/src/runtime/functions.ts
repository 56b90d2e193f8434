/** The default catalog: functions that the operator stores through the API, or provides in a folder. */
import { type Issue, type Json, load, parseYaml } from "@millrace/language";
import type { Pool } from "pg";
import {
  type DirectoryCatalog,
  type DirectoryFunction,
  directoryCatalog,
} from "../external/directory.ts";
import type { FunctionCatalog } from "../external/source.ts";
import {
  DEFAULT_TENANT,
  type FunctionSummary,
  type FunctionView,
  type Page,
  type Runtime,
  RuntimeError,
} from "../runtime.ts";
import { decodeCursor, encodeCursor } from "./cursors.ts";

export interface FunctionParts {
  readonly pool: Pool;
  /** The operator's folder, if there is one. */
  readonly folder?: string;
}

/** What workflows of a tenant find under `name:version@default`: what was stored through the API, then the folder. */
export function defaultCatalog(parts: FunctionParts, tenant: string): FunctionCatalog {
  return {
    read: async (name, version) => (await find(parts, { tenant, name, version }))?.text,
  };
}

interface FunctionKey {
  readonly tenant: string;
  readonly name: string;
  readonly version: string;
}

async function find(parts: FunctionParts, key: FunctionKey): Promise<FunctionView | undefined> {
  const { tenant, name, version } = key;
  const { rows } = await parts.pool.query<{ definition: string; updated_at: string }>(
    "SELECT definition, updated_at FROM functions WHERE tenant = $1 AND name = $2 AND version = $3",
    [tenant, name, version],
  );
  const [row] = rows;
  if (row !== undefined)
    return {
      name,
      version,
      source: "api",
      updatedAt: Number(row.updated_at),
      text: row.definition,
    };
  const folder = folderOf(parts);
  const text = await folder?.read(name, version);
  if (folder === undefined || text === undefined) return undefined;
  const listed = (await folder.list()).find((it) => it.name === name && it.version === version);
  return { name, version, source: "folder", updatedAt: listed?.updatedAt ?? 0, text };
}

function folderOf({ folder }: FunctionParts): DirectoryCatalog | undefined {
  return folder === undefined ? undefined : directoryCatalog(folder);
}

export async function putFunction(
  { pool }: FunctionParts,
  request: Parameters<Runtime["putFunction"]>[0],
): Promise<{ readonly created: boolean; readonly function: FunctionView }> {
  const { tenant = DEFAULT_TENANT, name, version, text } = request;
  const issues = checkFunction(name, version, text);
  const [first] = issues;
  if (first !== undefined) throw new RuntimeError("invalid-function", first.message, { issues });
  const { rows } = await pool.query<{ created: boolean; updated_at: string }>(
    `INSERT INTO functions (tenant, name, version, definition, updated_at)
     VALUES ($1, $2, $3, $4, now_ms())
     ON CONFLICT (tenant, name, version)
     DO UPDATE SET definition = EXCLUDED.definition, updated_at = EXCLUDED.updated_at
     RETURNING xmax = 0 AS created, updated_at`,
    [tenant, name, version, text],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("an upsert gave no row");
  const view = { name, version, source: "api", updatedAt: Number(row.updated_at), text } as const;
  return { created: row.created, function: view };
}

/** What is wrong with a function, as a workflow that calls it would be told; what it takes from outside is not fetched. */
function checkFunction(name: string, version: string, text: string): readonly Issue[] {
  const parsed = parseYaml(text);
  if (parsed.value === undefined) return parsed.issues;
  const call = `${name}:${version}@default`;
  const definition: Json = {
    document: { dsl: "1.0.3", namespace: "catalog", name: "check", version: "1.0.0" },
    do: [{ check: { call } }],
  };
  const loaded = load(JSON.stringify(definition), {
    resources: { [`function ${call}`]: parsed.value },
  });
  if (loaded.ok) return [];
  // Places of the definition above mean nothing to whoever wrote the function.
  return loaded.issues.map(({ code, message }) => ({ code, message, path: "", pointer: "" }));
}

export async function getFunction(
  parts: FunctionParts,
  request: Parameters<Runtime["getFunction"]>[0],
): Promise<FunctionView> {
  const { tenant = DEFAULT_TENANT, name, version } = request;
  return (await find(parts, { tenant, name, version })) ?? noFunction(name, version);
}

export async function deleteFunction(
  { pool }: FunctionParts,
  request: Parameters<Runtime["deleteFunction"]>[0],
): Promise<void> {
  const { tenant = DEFAULT_TENANT, name, version } = request;
  const { rowCount } = await pool.query(
    "DELETE FROM functions WHERE tenant = $1 AND name = $2 AND version = $3",
    [tenant, name, version],
  );
  if (rowCount === 0) noFunction(name, version);
}

function noFunction(name: string, version: string): never {
  throw new RuntimeError("not-found", `there is no function ${name} of version ${version}`, {
    subject: "function",
  });
}

export async function listFunctions(
  parts: FunctionParts,
  request: Parameters<Runtime["listFunctions"]>[0],
): Promise<Page<FunctionSummary>> {
  const { tenant = DEFAULT_TENANT, limit, cursor } = request;
  const [name = "", version = ""] = cursor === undefined ? [] : decodeCursor(cursor, 2);
  const { rows } = await parts.pool.query<{ name: string; version: string; updated_at: string }>(
    `SELECT name, version, updated_at FROM functions
     WHERE tenant = $1 AND (name, version) > ($2, $3) ORDER BY name, version LIMIT $4`,
    [tenant, name, version, limit + 1],
  );
  const stored = rows.map(
    (row): FunctionSummary => ({
      name: row.name,
      version: row.version,
      source: "api",
      updatedAt: Number(row.updated_at),
    }),
  );
  const known = new Set(stored.map(keyOf));
  const provided = ((await folderOf(parts)?.list()) ?? [])
    .filter((each) => isAfter(each, name, version) && !known.has(keyOf(each)))
    .map((each): FunctionSummary => ({ ...each, source: "folder" }));
  const all = [...stored, ...provided].toSorted(byName);
  const items = all.slice(0, limit);
  const last = items.at(-1);
  if (all.length <= limit || last === undefined) return { items };
  return { items, nextCursor: encodeCursor([last.name, last.version]) };
}

function keyOf({ name, version }: Pick<DirectoryFunction, "name" | "version">): string {
  return `${name}:${version}`;
}

function isAfter(each: DirectoryFunction, name: string, version: string): boolean {
  return each.name > name || (each.name === name && each.version > version);
}

/** As the database compares bytes; names are ASCII. */
function byName(a: FunctionSummary, b: FunctionSummary): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.version < b.version ? -1 : 1;
}
