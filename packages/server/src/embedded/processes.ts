/** What the operating system knows of other processes: whether one lives, since when, and as what. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** True when a process has this id, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Tells one process from a later one with the same id; `undefined` when there is none, or it cannot be known.
 * On Linux clock ticks between boot and the process's start (proc_pid_stat(5), field 22), elsewhere what `ps` says.
 */
export function startMark(pid: number): string | undefined {
  if (process.platform === "win32") return undefined;
  if (process.platform !== "linux") return ps(pid, "lstart");
  return statFields(pid)?.[19];
}

/** The fields of proc_pid_stat(5) from the third (state) on; `undefined` when there is no such process. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold anything, spaces included.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/**
 * The process and all that descend from it, itself first. A process group would not do: each of PostgreSQL's processes
 * leads a group of its own. On Windows the process alone.
 */
export function familyOf(pid: number): readonly number[] {
  const children = Map.groupBy(parents(), ([, parent]) => parent);
  const family = [pid];
  // Grows while it is walked.
  for (const member of family) family.push(...(children.get(member) ?? []).map(([child]) => child));
  return family;
}

/** The processes that it started itself and that still run; none on Windows. */
export function childrenOf(pid: number): readonly number[] {
  return parents().flatMap(([child, parent]) => (parent === pid ? [child] : []));
}

/** Sends SIGKILL to the process and all that descend from it; stopped first, it cannot make new ones meanwhile. */
export function killFamily(pid: number): void {
  if (process.platform !== "win32") signalProcess(pid, "SIGSTOP");
  for (const member of familyOf(pid)) signalProcess(member, "SIGKILL");
}

/** Every process and its parent. */
function parents(): readonly (readonly [pid: number, parent: number])[] {
  if (process.platform === "win32") return [];
  if (process.platform !== "linux") {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).split("\n");
    return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(statFields(Number(name))?.[1])] as const);
}

/** The command line of a process, its words separated by spaces; `undefined` when it cannot be known. */
export function commandLine(pid: number): string | undefined {
  if (process.platform === "win32") return undefined;
  if (process.platform !== "linux") return ps(pid, "command");
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return undefined;
  }
}

/** Sends a signal; nothing happens when the process is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    const text = execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
}
