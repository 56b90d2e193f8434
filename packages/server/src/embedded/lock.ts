/**
 * One process at a time uses a data directory. The lock is a file that names its holder; the lock of a process that
 * was killed is taken over, because the file also says when its holder started.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive, startMark } from "./processes.ts";

interface Holder {
  readonly pid: number;
  readonly started?: string;
}

/** @returns the function that gives the lock back. @throws when a living process holds it */
export function takeLock(file: string): () => void {
  for (;;) {
    const holder = readHolder(file);
    if (holder !== undefined && holds(holder)) {
      throw new Error(
        `${dirname(file)} is in use by process ${holder.pid}: stop it, or give another --data-dir`,
      );
    }
    rmSync(file, { force: true });
    if (create(file)) return () => rmSync(file, { force: true });
  }
}

/** False when somebody else was faster. */
function create(file: string): boolean {
  const started = startMark(process.pid);
  const holder: Holder = { pid: process.pid, ...(started === undefined ? {} : { started }) };
  try {
    writeFileSync(file, JSON.stringify(holder), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
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
