/**
 * One process at a time uses a data directory. The lock is a file that names its holder; the lock of a process that
 * was killed is taken over, because the file also says when its holder started.
 */
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive, startMark } from "./processes.ts";

export interface Holder {
  readonly pid: number;
  readonly started?: string;
}

/** @returns the function that gives the lock back. @throws when a living process holds it */
export function takeLock(file: string): () => void {
  const lock = tryLock(file);
  if (typeof lock === "function") return lock;
  throw new Error(
    `${dirname(file)} is in use by process ${lock.pid}: stop it, or give another --data-dir`,
  );
}

/** @returns the function that gives the lock back, or the living process that holds it */
export function tryLock(file: string): (() => void) | Holder {
  for (;;) {
    if (create(file)) return () => rmSync(file, { force: true });
    const holder = readHolder(file);
    if (holder !== undefined && holds(holder)) return holder;
    removeStale(file);
  }
}

/** The file appears with its content or not at all, so nobody takes one that is being written for a stale one. */
function create(file: string): boolean {
  const started = startMark(process.pid);
  const holder: Holder = { pid: process.pid, ...(started === undefined ? {} : { started }) };
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, JSON.stringify(holder));
  try {
    linkSync(fresh, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Puts the file aside before it looks again: what was stale a moment ago may be the lock of somebody faster by now. */
function removeStale(file: string): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const holder = readHolder(aside);
  if (holder !== undefined && holds(holder) && !existsSync(file)) linkSync(aside, file);
  rmSync(aside);
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Holder;
  } catch {
    // Absent, or cut off by a crash: nobody holds it.
    return undefined;
  }
}

function holds({ pid, started }: Holder): boolean {
  if (!Number.isInteger(pid) || !isAlive(pid)) return false;
  return started === undefined || startMark(pid) === started;
}
