/**
 * One process at a time uses a data directory. The lock is a file that names its holder; the lock of a process that
 * was killed is taken over, because the file also says when its holder started.
 */
import { hash } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** @returns the function that gives the lock back, or the living process that holds it, or is about to take it over */
export function tryLock(file: string): (() => void) | Holder {
  for (;;) {
    if (create(file)) return () => rmSync(file, { force: true });
    const text = read(file);
    if (text === undefined) continue;
    const holder = parse(text);
    if (holder !== undefined && holds(holder)) return holder;
    // Who removes the lock of a dead process holds a lock for that: what others have read may be somebody's fresh one by now.
    const removal = tryLock(`${file}.${hash("sha256", text).slice(0, 16)}`);
    if (typeof removal !== "function") return removal;
    if (read(file) === text) rmSync(file, { force: true });
    removal();
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

/** Undefined when it is absent. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    // Cut off by a crash: nobody holds it.
    return undefined;
  }
}

function holds({ pid, started }: Holder): boolean {
  if (!Number.isInteger(pid) || !isAlive(pid)) return false;
  return started === undefined || startMark(pid) === started;
}
