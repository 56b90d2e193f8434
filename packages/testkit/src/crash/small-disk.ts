/** A file system of a few megabytes that can be filled to its last byte. Needs root on Linux. */
import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  /** Takes every byte that is left; again when something was freed meanwhile. */
  fill(): void;
  /** Gives back what {@link fill} took. */
  free(): void;
  unmount(): void;
}

const MEGABYTE = 1024 * 1024;

/** @returns undefined where the system does not let us mount one */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  mkdirSync(folder, { recursive: true });
  try {
    const options = `size=${megabytes}m,mode=0755`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "millrace-crash", folder], {
      stdio: "ignore",
    });
  } catch {
    return undefined;
  }
  chmodSync(folder, 0o755);
  const filler = join(folder, "filler");
  return {
    folder,
    fill: () => fill(filler),
    free: () => rmSync(filler, { force: true }),
    unmount: () => {
      // Lazily: what still has a file open there lets go of it as it ends.
      execFileSync("umount", ["-l", folder], { stdio: "ignore" });
    },
  };
}

function fill(file: string): void {
  const handle = openSync(file, "a");
  try {
    for (let size = MEGABYTE; size >= 512; size /= 2) append(handle, Buffer.alloc(size, 1));
  } finally {
    closeSync(handle);
  }
}

/** Appends as long as there is room. */
function append(handle: number, block: Buffer): void {
  for (;;) {
    try {
      if (writeSync(handle, block) < block.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}
