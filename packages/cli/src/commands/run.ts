/** `millrace run FILE`: one workflow to its end in this process. The output alone goes to standard output. */
import { readFileSync } from "node:fs";
import { formatIssue, type Json, load, type Program } from "@millrace/language";
import { newId } from "@millrace/protocol/ids";
import { type ActivityExecutor, type LocalResult, runToEnd } from "@millrace/server/local";
import { progress } from "../run/progress.ts";
import { TaskLog, type TaskRun } from "../run/tasks.ts";

export interface RunOptions {
  /** JSON, or `@file` with JSON in it. */
  readonly input?: string;
  readonly output?: string;
  /** Further definitions that `run: workflow` may name. */
  readonly with?: readonly string[];
}

/** Exit codes: 0 completed, 1 faulted or cancelled, 2 the definition or the input is not usable. */
export async function run(files: readonly string[], options: RunOptions): Promise<number> {
  const prepared = prepare(files[0] ?? "", options);
  if (prepared === undefined) return 2;
  const log = new TaskLog();
  const shown = progress(process.stderr);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  const id = newId(0, Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  const executor = lazyExecutor();
  const result = await runToEnd(prepared.program, id, prepared.input, {
    executor,
    find: (namespace, name, version) => find(prepared.others, namespace, name, version),
    signal: interrupted.signal,
    onEvent: (event, instance) => {
      if (instance === id) shown.show(event, log.add(event));
    },
  });
  await executor.close();
  report(result, log.tasks, options);
  return result.state.status === "completed" ? 0 : 1;
}

interface Prepared {
  readonly program: Program;
  readonly others: readonly Program[];
  readonly input: Json;
}

/** Reads and checks everything; says what is wrong, one line each, and gives `undefined` if anything is. */
function prepare(file: string, options: RunOptions): Prepared | undefined {
  const program = readProgram(file);
  const others = (options.with ?? []).map(readProgram);
  const input = readInput(options.input);
  if (program === undefined || others.includes(undefined) || input === undefined) return undefined;
  return { program, others: [program, ...others.filter((each) => each !== undefined)], input };
}

function readProgram(file: string): Program | undefined {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    complain(`${file}: ${(error as Error).message}; give the path of a workflow definition`);
    return undefined;
  }
  const loaded = load(text, { file });
  if (loaded.ok) return loaded.program;
  for (const issue of loaded.issues) complain(formatIssue(issue));
  return undefined;
}

function readInput(given: string | undefined): Json | undefined {
  if (given === undefined) return {};
  try {
    return JSON.parse(given.startsWith("@") ? readFileSync(given.slice(1), "utf8") : given) as Json;
  } catch (error) {
    complain(`--input: ${(error as Error).message}; give JSON, or @file with JSON in it`);
    return undefined;
  }
}

function find(
  programs: readonly Program[],
  namespace: string,
  name: string,
  version: string,
): Program | undefined {
  return programs.find(
    (each) =>
      each.namespace === namespace &&
      each.name === name &&
      (version === "latest" || each.version === version),
  );
}

function report(result: LocalResult, tasks: readonly TaskRun[], options: RunOptions): void {
  const { id, status, input, output, error } = result.state;
  if (options.output === "json") {
    const whole = { id, status, input, output, error, tasks };
    process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`);
    return;
  }
  if (status === "completed") process.stdout.write(`${JSON.stringify(output, null, 2)}\n`);
  else if (error === undefined) complain(`the workflow was ${status}`);
  else {
    const what = error.detail ?? error.title ?? error.type;
    complain(
      `${status} at ${error.instance ?? "/"}: ${error.title ?? ""} (${error.status}): ${what}`,
    );
  }
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Loads the executors when the first activity needs one: a workflow without calls starts faster. */
function lazyExecutor(): ActivityExecutor & { close(): Promise<void> } {
  type Loaded = ActivityExecutor & { close(): Promise<void> };
  let loading: Promise<Loaded> | undefined;
  const loaded = (): Promise<Loaded> =>
    (loading ??= import("@millrace/server/activities").then(({ createExecutor }) =>
      createExecutor({ egress: { allowLoopback: true } }),
    ));
  return {
    execute: async (request, signal) => (await loaded()).execute(request, signal),
    close: async () => (await loading)?.close(),
  };
}
