/** The working folder of a process that has no root of its own: in the system's temporary folder, for one user alone. */
import { execFile } from "node:child_process";
import { chown, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { User } from "./users.ts";

export interface Folder {
  readonly path: string;
  /** It was found to hold more than it may. */
  readonly overflowed: boolean;
  /** Measures again and again, and calls `tooMuch` when it holds more than so many bytes. @returns what ends that */
  watch(bytes: number, tooMuch: () => void): () => void;
  remove(): Promise<void>;
}

/** Milliseconds between two measurements, and how many entries one looks at: more of them count as too much. */
const INTERVAL = 250;
const ENTRIES = 10_000;

export async function makeFolder(user: User | undefined): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "millrace-run-"));
  if (user !== undefined) await chown(path, user.uid, user.gid);
  let overflowed = false;
  return {
    path,
    get overflowed() {
      return overflowed;
    },
    watch(bytes, tooMuch) {
      let timer: NodeJS.Timeout | undefined;
      let stopped = false;
      const measure = async (): Promise<void> => {
        if ((await sizeOf(path)) > bytes && !stopped) {
          overflowed = true;
          tooMuch();
        }
        if (!stopped) timer = setTimeout(() => void measure(), INTERVAL);
      };
      timer = setTimeout(() => void measure(), INTERVAL);
      return () => {
        stopped = true;
        clearTimeout(timer);
      };
    },
    remove: () => removeAll(path),
  };
}

/** Bytes under a folder that changes meanwhile; infinite when it has more entries than are looked at. */
async function sizeOf(root: string): Promise<number> {
  const folders = [root];
  let bytes = 0;
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      entries += 1;
      if (entries > ENTRIES) return Number.POSITIVE_INFINITY;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      // Blocks in use: a hole in a file takes no room.
      else if (entry.isFile())
        bytes += await stat(path).then(
          ({ blocks }) => blocks * 512,
          () => 0,
        );
    }
  }
  return bytes;
}

/** A process may have closed its folders to their owner. */
async function removeAll(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 };
  await rm(path, options).catch(async () => {
    await promisify(execFile)("chmod", ["-R", "u+rwX", path]).catch(() => undefined);
    await rm(path, options);
  });
}
