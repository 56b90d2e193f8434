/** CPU time of processes, from /proc: of Linux alone. */
import { readdirSync, readFileSync } from "node:fs";

/** /proc counts in hundredths of a second (USER_HZ) on every architecture that Node.js supports. */
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly parent: number;
  /** Its own ticks, and those of its ended children that it has waited for. */
  readonly own: number;
  readonly reaped: number;
}

/** Seconds of CPU that a process and all its descendants have used so far; `undefined` where there is no /proc. */
export function cpuSeconds(root: number): number | undefined {
  const all = usages();
  const top = all.get(root);
  if (top === undefined) return undefined;
  let ticks = top.own + top.reaped;
  for (const [pid, { own, reaped }] of all)
    if (pid !== root && descends(pid, root, all)) ticks += own + reaped;
  return ticks / TICKS_PER_SECOND;
}

function descends(pid: number, root: number, all: ReadonlyMap<number, Usage>): boolean {
  const parent = all.get(pid)?.parent;
  if (parent === undefined) return false;
  return parent === root || descends(parent, root, all);
}

function usages(): Map<number, Usage> {
  const all = new Map<number, Usage>();
  for (const name of folders()) {
    const usage = read(name);
    if (usage !== undefined) all.set(Number(name), usage);
  }
  return all;
}

function folders(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** See proc_pid_stat(5); the second field, a name in parentheses, may hold anything. */
function read(pid: string): Usage | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // Ended meanwhile.
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent, user, system, reapedUser, reapedSystem] = [1, 11, 12, 13, 14].map((index) =>
    Number(fields[index]),
  );
  return {
    parent: parent ?? 0,
    own: (user ?? 0) + (system ?? 0),
    reaped: (reapedUser ?? 0) + (reapedSystem ?? 0),
  };
}
