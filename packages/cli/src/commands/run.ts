/** `millrace run FILE`: one workflow to its end in this process. The output alone goes to standard output. */
import type { Program } from "@millrace/language";
import { newId } from "@millrace/protocol/ids";
import { describeRuns, loadConfig, type RunsConfig, runsOf } from "@millrace/server";
import { DeafError, type LocalResult, runToEnd } from "@millrace/server/local";
import { type Format, readInput } from "../arguments.ts";
import { readProgram } from "../definitions.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, printJson } from "../output.ts";
import { describeError } from "../describe-error.ts";
import { lazyExecutor } from "../run/executor.ts";
import { localRuns } from "../run/local-runs.ts";
import { secretsFor } from "../run/secrets.ts";
import { showProgress } from "../run/progress.ts";
import { TaskLog, type TaskRun } from "../run/tasks.ts";

export interface RunOptions {
  readonly input?: string;
  readonly output: Format;
  /** Further definitions that `run: workflow` may name. */
  readonly with?: readonly string[];
  readonly secretsFile?: string;
}

/** @returns the exit code */
export async function run(file: string, options: RunOptions): Promise<number> {
  const runs = runsOf(loadConfig(process.env, localRuns(process.env)));
  const secrets = secretsFor(options.secretsFile, process.env);
  const executor = lazyExecutor(runs, secrets);
  const files = [file, ...(options.with ?? [])];
  const programs = await Promise.all(files.map((each) => readProgram(each, executor)));
  const input = readInput(options.input) ?? {};
  const [program] = programs;
  if (program === undefined || programs.includes(undefined)) {
    await executor.close();
    return EXIT.invalid;
  }
  const log = new TaskLog();
  const progress = showProgress(log, process.stderr);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  if (programs.some(runsProcesses)) await announce(runs);
  const id = newId(0, Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  let result: LocalResult;
  try {
    result = await runToEnd(program, id, input, {
      executor,
      find: (namespace, name, version) => find(programs, namespace, name, version),
      signal: interrupted.signal,
      onEvent: (event, instance) => {
        if (instance === id) log.add(event);
      },
    });
  } catch (error) {
    throw explained(error);
  } finally {
    progress.end();
    await executor.close();
  }
  report(result, log.tasks, options.output);
  if (interrupted.signal.aborted && result.state.status === "cancelled") return EXIT.interrupted;
  return result.state.status === "completed" ? EXIT.ok : EXIT.failed;
}

function explained(error: unknown): unknown {
  if (!(error instanceof DeafError)) return error;
  return new CommandError(`${error.message}; a server (millrace dev) receives them`);
}

function runsProcesses(program: Program | undefined): boolean {
  return program?.nodes.values().some(({ kind }) => kind === "process") ?? false;
}

async function announce(runs: RunsConfig): Promise<void> {
  const what = await describeRuns(runs);
  if (what !== undefined) complain(`${what} (MILLRACE_RUNS says what)`);
}

function find(
  programs: readonly (Program | undefined)[],
  namespace: string,
  name: string,
  version: string,
): Program | undefined {
  return programs.find(
    (each) =>
      each?.namespace === namespace &&
      each.name === name &&
      (version === "latest" || each.version === version),
  );
}

function report({ state }: LocalResult, tasks: readonly TaskRun[], format: Format): void {
  const { id, status, input, output, error } = state;
  if (format === "json") printJson({ id, status, input, output, error, tasks });
  else if (status === "completed") printJson(output);
  else complain(error === undefined ? `the workflow was ${status}` : describeError(error));
}
