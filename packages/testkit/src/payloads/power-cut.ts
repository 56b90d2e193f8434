/**
 * An ext4 file system in a file, whose power can be cut: from one moment on nothing reaches its disk any more, what was only in memory
 * is lost, and the next mount finds what a machine would find after a power failure. Needs root on Linux, a loop device, and Perl for the
 * one system call that Node.js has no way to.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CuttableDisk {
  readonly folder: string;
  /** Cuts the power; whoever uses it gets errors from now on. */
  cut(): void;
  /** After the last user has ended: the disk as it is found when the power is back. */
  powerOn(): void;
  unmount(): void;
}

/** FS_IOC_SHUTDOWN of ext4 and XFS, `_IOR('X', 125, __u32)`, with "do not flush the journal" (2). */
const CUT =
  'open(F, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl(F, 0x8004587d, $how) or die $!;';

/** @returns undefined where the system does not let us have one */
export function mountCuttable(folder: string, megabytes: number): CuttableDisk | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const mounted = join(folder, "mounted");
  const run = (command: string, ...args: readonly string[]): void => {
    execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  };
  let image = join(folder, "image-0");
  let turns = 0;
  const mount = (): void => run("mount", "-o", "loop", image, mounted);
  mkdirSync(mounted, { recursive: true });
  writeFileSync(image, "");
  truncateSync(image, megabytes * 1024 * 1024);
  try {
    run("perl", "-e", "1");
    run("mkfs.ext4", "-q", image);
    mount();
  } catch {
    return undefined;
  }
  return {
    folder: mounted,
    cut: () => run("perl", "-e", CUT, mounted),
    powerOn: () => {
      run("umount", mounted);
      // Another namespace of mounts, made meanwhile by a sandbox, may keep the old one alive: mounting that again would find it.
      const copy = join(folder, `image-${(turns += 1)}`);
      run("cp", "--sparse=always", image, copy);
      rmSync(image);
      image = copy;
      mount();
    },
    unmount: () => run("umount", mounted),
  };
}
