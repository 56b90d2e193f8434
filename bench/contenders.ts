/**
 * The benchmark's side of a measurement: a contender runs in a process of its own, with an empty database of its own, and
 * nothing else that is measured runs meanwhile.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSeconds } from "./cpu.ts";
import type { Job, Report } from "./job.ts";
import { type BenchPostgres, withDatabase } from "./postgres.ts";

/** Something that can be put under load. */
export interface Program {
  readonly name: string;
  /** The module that its process runs, from this folder. */
  readonly module: string;
  readonly variant?: string;
}

export type Result = Extract<Report, { kind: "result" }> & {
  /** Seconds of CPU while it was measured: of its processes, and of PostgreSQL's. Absent without /proc. */
  readonly cpu?: { readonly program: number; readonly postgres: number };
};

export interface Failure {
  readonly kind: "failed";
  /** One line. */
  readonly reason: string;
}

export interface RunOptions {
  /** Seconds after which the process is ended. */
  readonly limit: number;
  /** Looks at the contender's database, which stays until this resolves; `ended` does so when the contender is done. */
  readonly observe?: (databaseUrl: string, ended: Promise<unknown>) => Promise<void>;
}

/** Never rejects for what the contender does. */
export async function run(
  postgres: BenchPostgres,
  program: Program,
  job: Pick<Job, "steps" | "load">,
  options: RunOptions,
): Promise<Result | Failure> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  try {
    return await withDatabase(postgres, async (databaseUrl) => {
      const { variant } = program;
      const given: Job = { ...job, databaseUrl, folder };
      const whole: Job = variant === undefined ? given : { ...given, variant };
      const result = inProcess(postgres, program, whole, options.limit);
      await options.observe?.(databaseUrl, result);
      return result;
    });
  } catch (error) {
    return { kind: "failed", reason: firstLine(String(error)) };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) endGroup(child);
});

function inProcess(
  postgres: BenchPostgres,
  program: Program,
  job: Job,
  limit: number,
): Promise<Result | Failure> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program.module)], {
    // A group of its own, so that what it starts can be ended with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, BENCH_JOB: JSON.stringify(job) },
  });
  running.add(child);
  return collect(child, postgres, limit).finally(() => {
    endGroup(child);
    running.delete(child);
  });
}

function collect(
  child: ChildProcess,
  postgres: BenchPostgres,
  limit: number,
): Promise<Result | Failure> {
  return new Promise((resolve) => {
    let output = "";
    let begun: readonly (number | undefined)[] = [];
    let cpu: { readonly program: number; readonly postgres: number } | undefined;
    let outcome: Result | Failure | undefined;
    const both = (): (number | undefined)[] =>
      [child.pid, postgres.pid].map((pid) => (pid === undefined ? undefined : cpuSeconds(pid)));
    const timer = setTimeout(() => {
      outcome ??= { kind: "failed", reason: `not done after ${limit} s` };
      endGroup(child);
    }, limit * 1000);
    for (const stream of [child.stdout, child.stderr])
      stream
        ?.setEncoding("utf8")
        .on("data", (text: string) => (output = (output + text).slice(-4000)));
    child.on("message", (report: Report) => {
      if (report.kind === "begin") begun = both();
      else if (report.kind === "end") cpu = spent(begun, both());
      else if (report.kind === "failed")
        outcome ??= { ...report, reason: firstLine(report.reason) };
      else outcome ??= cpu === undefined ? report : { ...report, cpu };
    });
    child.once("error", (error) => (outcome ??= { kind: "failed", reason: String(error) }));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const last = firstLine(output.trim().split("\n").at(-1) ?? "");
      resolve(outcome ?? { kind: "failed", reason: `ended with ${code ?? signal}: ${last}` });
    });
  });
}

function spent(
  [program0, postgres0]: readonly (number | undefined)[],
  [program1, postgres1]: readonly (number | undefined)[],
): { program: number; postgres: number } | undefined {
  if (program0 === undefined || program1 === undefined) return undefined;
  if (postgres0 === undefined || postgres1 === undefined) return undefined;
  return { program: program1 - program0, postgres: postgres1 - postgres0 };
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group has ended.
  }
}

/** Without the paths of this machine. */
function firstLine(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.replaceAll(/(?:file:\/\/)?(?:\/[\w.@+-]+){2,}\/?/g, "…").slice(0, 200);
}
