/**
 * Who a sandboxed process is when the server is root: a user of its own that nobody else is, so that no file of the
 * machine belongs to it and what it counts (processes) or may signal is its own.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Above the ranges that distributions and systemd hand out, below 2^31. */
const FIRST = 1_900_000_000;
const USERS = 65_536;
/** `nobody`: where the container that the server lives in knows no such high numbers. */
const NOBODY: User = { uid: 65_534, gid: 65_534 };

const taken = new Set<number>();

export interface TakenUser {
  readonly user: User | undefined;
  /** Every process of this user belongs to the sandbox. */
  readonly own: boolean;
  readonly giveBack: () => void;
}

/** Kills every process of a user that only a sandbox has: also those that left its process group. */
export async function killAllOf({ uid, gid }: User): Promise<void> {
  // `kill -1` reaches whatever the caller may signal, itself included.
  const killer = spawn("/bin/sh", ["-c", "kill -KILL -1"], { uid, gid, cwd: "/", stdio: "ignore" });
  await new Promise<void>((resolve) => {
    killer.once("error", () => resolve());
    killer.once("exit", () => resolve());
  });
}

/**
 * A user that no sandbox of this process has at the moment; `undefined` (stay who you are) unless this process is root.
 */
export function takeUser(): TakenUser {
  const nothing = (): void => undefined;
  if (process.getuid?.() !== 0) return { user: undefined, own: false, giveBack: nothing };
  if (!mapped(FIRST + USERS)) return { user: NOBODY, own: false, giveBack: nothing };
  // Two servers on one machine begin at different places.
  let slot = (process.pid * 256) % USERS;
  while (taken.has(slot)) slot = (slot + 1) % USERS;
  taken.add(slot);
  const id = FIRST + slot;
  return { user: { uid: id, gid: id }, own: true, giveBack: () => taken.delete(slot) };
}

/** Whether the user namespace of this process has that number. */
function mapped(id: number): boolean {
  try {
    return readFileSync("/proc/self/uid_map", "utf8")
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number))
      .some(([first = 0, , count = 0]) => id >= first && id < first + count);
  } catch {
    return false;
  }
}
