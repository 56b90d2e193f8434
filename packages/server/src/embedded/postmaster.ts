/** PostgreSQL's main process: starting it, knowing that it is ready, and ending one that a killed millrace left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Binaries } from "./binaries.ts";
import { ENVIRONMENT } from "./data-directory.ts";
import type { Places } from "./places.ts";
import { commandLine, isAlive, killFamily, signalProcess } from "./processes.ts";
import { settingFlags } from "./settings.ts";
import type { User } from "./user.ts";

/** PostgreSQL tells its state only in a file: looked at this often. */
const LOOK_MS = 10;
/** Recovery after a crash reads at most max_wal_size. */
const START_LIMIT_MS = 60_000;
const MAX_LOG_BYTES = 10_000_000;

/** Signals that end PostgreSQL, gentlest first, and how long each may take (PostgreSQL "Shutting Down the Server"). */
const ENDINGS = [
  ["SIGINT", 10_000],
  ["SIGQUIT", 5_000],
  ["SIGKILL", 5_000],
] as const;

export interface PostmasterOptions {
  readonly place: Places;
  readonly binaries: Binaries;
  readonly user: User | undefined;
  readonly port: number;
  readonly clock: Clock;
}

/** Resolves when it accepts connections. @throws with the last lines of its log when it ends before that */
export async function startPostmaster(options: PostmasterOptions): Promise<ChildProcess> {
  const { place, binaries, user, port, clock } = options;
  const said = logSize(place.log);
  const log = openSync(place.log, "a", 0o600);
  const child = spawn(binaries.postgres, ["-D", place.data, ...settingFlags(port)], {
    ...user,
    cwd: place.data,
    env: ENVIRONMENT,
    // A process group of its own: Ctrl-C in the terminal is for millrace, which ends PostgreSQL last.
    detached: true,
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  child.unref();
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  let end: string | undefined;
  void ended.then((how) => (end = how));
  const isReady = (): boolean => end !== undefined || readyPid(place.data) === child.pid;
  const inTime = await until(clock, START_LIMIT_MS, isReady);
  if (inTime && end === undefined) return child;
  child.kill("SIGQUIT");
  throw new Error(
    `PostgreSQL ${end ?? "is not ready after 60 s"}:\n${lastLines(place.log, said)}\n(${place.log})`,
  );
}

/** Ends a child, or a process that is none of ours any more; resolves when it is gone. */
export async function endPostmaster(
  pid: number,
  isGone: () => boolean,
  clock: Clock,
): Promise<void> {
  for (const [signal, limit] of ENDINGS) {
    // One that is stopped ends at nothing less, and neither do its back ends, which would keep the data in use.
    if (signal === "SIGKILL") killFamily(pid);
    else signalProcess(pid, signal);
    if (await until(clock, limit, isGone)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) does not end; end it by hand`);
}

/**
 * A millrace that was killed leaves its PostgreSQL behind; it is asked to end as it would have been. A pid file whose
 * process is gone, or is now another program, is removed: PostgreSQL would take that program for itself and refuse.
 * @returns what was found
 */
export async function endOrphan(data: string, clock: Clock): Promise<"none" | "stale" | "ended"> {
  const pid = pidFile(data)?.pid;
  if (pid === undefined) return "none";
  const isGone = (): boolean => !isPostmasterOf(data, pid);
  if (!isGone()) {
    await endPostmaster(pid, isGone, clock);
    return "ended";
  }
  rmSync(join(data, "postmaster.pid"), { force: true });
  return "stale";
}

/** True once `isSo`, false when it is not within `limit` milliseconds. */
export function until(clock: Clock, limit: number, isSo: () => boolean): Promise<boolean> {
  const last = clock.monotonic() + limit;
  return new Promise((resolve) => {
    const look = (): void => {
      if (isSo()) resolve(true);
      else if (clock.monotonic() >= last) resolve(false);
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}

function isPostmasterOf(data: string, pid: number): boolean {
  if (!isAlive(pid)) return false;
  const line = commandLine(pid);
  // Unknown: better to believe the file than to start a second server on the same data.
  if (line === undefined) return process.platform === "win32";
  return line.includes("postgres") && line.includes(`-D ${data}`);
}

interface PidFile {
  readonly pid: number;
  readonly status: string;
}

/** postmaster.pid: process id, data directory, start, port, socket folder, address, shared memory, status; a line each. */
export function pidFile(data: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(lines[0]);
    return Number.isInteger(pid) && pid > 0 ? { pid, status: (lines[7] ?? "").trim() } : undefined;
  } catch {
    return undefined;
  }
}

function readyPid(data: string): number | undefined {
  const file = pidFile(data);
  return file?.status === "ready" ? file.pid : undefined;
}

/** Bytes in the log from earlier starts; a long one is emptied. */
function logSize(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return size;
  truncateSync(file);
  return 0;
}

function lastLines(file: string, from: number): string {
  const said = readFileSync(file).subarray(from).toString("utf8");
  const lines = said.trimEnd().split("\n");
  // Clients that come too early fill the log with this; it explains nothing.
  const telling = lines.filter((line) => !line.includes("the database system is starting up"));
  return telling.slice(-8).join("\n");
}
