/** `millrace list [instances|workflows|functions]`. */
import type { Status } from "@millrace/sdk";
import { STATUSES } from "@millrace/protocol";
import { type Format, readPriority, readWorkflowName } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { instant, print, printJson, table } from "../output.ts";

export interface ListOptions extends ClientOptions {
  readonly workflow?: string;
  readonly status?: readonly string[];
  readonly priority?: readonly string[];
  readonly since?: string;
  readonly limit: number;
  readonly output: Format;
}

/** Most rows that the server gives at once. */
const PAGE = 500;

export async function list(what: string, options: ListOptions): Promise<void> {
  switch (what) {
    case "instances":
      return listInstances(options);
    case "workflows":
      return listWorkflows(options);
    case "functions":
      return listFunctions(options);
    default:
      throw new CommandError(
        `list ${what}: expected instances, workflows or functions`,
        EXIT.invalid,
      );
  }
}

async function listInstances(options: ListOptions): Promise<void> {
  const { status, priority, since, limit } = options;
  const rows = await take(
    connect(options).instances.list({
      ...nameFilter(options),
      ...(status === undefined ? {} : { status: status.map(readStatus) }),
      ...(priority === undefined ? {} : { priority: priority.map(readPriority) }),
      ...(since === undefined ? {} : { since: readTime(since) }),
      limit: Math.min(PAGE, Math.max(1, limit)),
    }),
    limit,
  );
  if (options.output === "json") return printJson(rows);
  const cells = rows.map((row) => [
    row.id,
    `${row.namespace}/${row.name}`,
    row.version,
    row.status,
    row.priority,
    instant(row.createdAt),
    instant(row.endedAt),
  ]);
  const headings = ["id", "workflow", "version", "status", "priority", "created", "ended"];
  print(table(headings, cells, "no instances"));
}

async function listWorkflows(options: ListOptions): Promise<void> {
  const limit = Math.min(PAGE, Math.max(1, options.limit));
  const { workflows } = connect(options);
  const rows = await take(workflows.list({ ...nameFilter(options), limit }), options.limit);
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ namespace, name, version, createdAt, title }) => [
    `${namespace}/${name}`,
    version,
    instant(createdAt),
    title ?? "",
  ]);
  print(table(["workflow", "version", "applied", "title"], cells, "no workflows"));
}

async function listFunctions(options: ListOptions): Promise<void> {
  const rows = await take(connect(options).functions.list(), options.limit);
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ name, version, source, updatedAt }) => [
    `${name}:${version}@default`,
    source,
    instant(updatedAt),
  ]);
  print(table(["function", "source", "changed"], cells, "no functions"));
}

/** The first `limit` rows. */
export async function take<Row>(rows: AsyncIterable<Row>, limit: number): Promise<Row[]> {
  const taken: Row[] = [];
  if (limit === 0) return taken;
  for await (const row of rows) {
    taken.push(row);
    if (taken.length >= limit) break;
  }
  return taken;
}

function nameFilter({ workflow }: ListOptions): { namespace?: string; name?: string } {
  return workflow === undefined ? {} : readWorkflowName(workflow);
}

function readStatus(text: string): Status {
  const status = STATUSES.find((each) => each === text);
  if (status !== undefined) return status;
  throw new CommandError(`--status: ${text}: expected one of ${STATUSES.join(", ")}`, EXIT.invalid);
}

function readTime(text: string): Date {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new CommandError(
    `--since: ${text}: expected one such as 2026-11-21T03:00:00Z`,
    EXIT.invalid,
  );
}
