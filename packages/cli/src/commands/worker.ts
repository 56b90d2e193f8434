/** `millrace worker FILE`: the functions that a module exports, on the tasks of servers; and `millrace worker list`. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseDuration } from "@millrace/protocol";
import {
  MillraceError,
  Worker,
  type WorkerFunction,
  type WorkerInfo,
  type WorkerOptions,
} from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, instant, print, printJson, table } from "../output.ts";
import { DEFAULT_URL } from "../url.ts";

export interface WorkerCommandOptions {
  /** One for each server. */
  readonly url?: readonly string[];
  readonly apiKey?: string;
  readonly pool: string;
  readonly name?: string;
  readonly concurrency: number;
  readonly grace: string;
}

type Functions = WorkerOptions["functions"];

/** Resolves with the exit code when a signal has ended it. */
export async function worker(file: string, options: WorkerCommandOptions): Promise<number> {
  const grace = parseDuration(options.grace);
  if (grace === undefined)
    throw new CommandError("--grace: expected a duration such as 30s", EXIT.invalid);
  const functions = await load(file);
  const running = open(functions, options);
  const ended = Promise.withResolvers<void>();
  let stopping = false;
  const stop = (): void => {
    if (stopping) running.release();
    else {
      stopping = true;
      complain(`stopping: ${running.running} tasks under way`);
      running.stop({ grace }).then(ended.resolve, ended.reject);
    }
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  running.start();
  print(`ready ${running.name}: ${Object.keys(functions).join(", ")} (pool ${options.pool})`);
  await ended.promise;
  process.off("SIGTERM", stop).off("SIGINT", stop);
  return EXIT.ok;
}

function open(functions: Functions, options: WorkerCommandOptions): Worker {
  const { pool, concurrency, url = [process.env["MILLRACE_URL"] || DEFAULT_URL] } = options;
  const apiKey = options.apiKey ?? (process.env["MILLRACE_API_KEY"] || undefined);
  const name = options.name ?? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
  try {
    return new Worker({
      url,
      pool,
      name,
      concurrency,
      functions,
      ...(apiKey === undefined ? {} : { apiKey }),
      onError: (error, task) => complain(`millrace: ${told(error, task)}`),
    });
  } catch (error) {
    throw new CommandError(`--${(error as TypeError).message}`, EXIT.invalid);
  }
}

function told(error: unknown, task: Parameters<NonNullable<WorkerOptions["onError"]>>[1]): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof MillraceError ? ` (${error.code})` : "";
  return task === undefined
    ? `${text}${code}`
    : `${task.function} of ${task.instanceId}: ${text}${code}`;
}

/** The exported functions, by name; of a default export that is an object, its functions. */
async function load(file: string): Promise<Functions> {
  const module = await importFile(file);
  const { default: standard, ...named } = module;
  const others = typeof standard === "object" && standard !== null ? standard : {};
  const all = Object.entries({ ...others, ...named });
  const functions = all.filter(
    (entry): entry is [string, WorkerFunction] => typeof entry[1] === "function",
  );
  if (functions.length > 0) return Object.fromEntries(functions);
  throw new CommandError(
    `${file} exports no function: write, for example, export async function resize(args, task) { … }`,
    EXIT.invalid,
  );
}

async function importFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const { message } = error as Error;
    throw new CommandError(`${file} cannot be loaded: ${message}`, EXIT.invalid);
  }
}

export async function listWorkers(
  options: ClientOptions & { readonly limit: number; readonly output: Format },
): Promise<void> {
  const { limit } = options;
  const rows: WorkerInfo[] = [];
  for await (const worker of connect(options).workers.list({ limit: Math.min(limit, 500) })) {
    if (rows.push(worker) >= limit) break;
  }
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ name, pool, functions, taskCount, polling, lastSeenAt }) => [
    name,
    pool,
    functions.join(", "),
    String(taskCount),
    polling ? "yes" : "no",
    instant(lastSeenAt),
  ]);
  const headings = ["name", "pool", "functions", "tasks", "polling", "last seen"];
  print(table(headings, cells, "no workers"));
}
