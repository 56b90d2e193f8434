/** A folder with a store in it, and what a server's machine does to it. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { BlobStand } from "@millrace/testkit/payloads";
import type { BlobStore } from "../../src/payloads/blob-store.ts";
import { type FolderRegistry, openDirectoryStore } from "../../src/payloads/directory/index.ts";

export const CHILD = join(import.meta.dirname, "directory-child.ts");

/** What a database knows about its folder, in memory; that of PostgreSQL has a test of its own. */
export function registryOf(database: string = randomUUID()): FolderRegistry {
  let folder: string | undefined;
  return {
    known: async () => ({ database, folder }),
    register: async (id) => (folder ??= id),
  };
}

export async function openPrepared(folder: string, registry = registryOf()): Promise<BlobStore> {
  const store = openDirectoryStore({ folder, registry });
  await store.prepare();
  return store;
}

export interface DirectoryStand extends BlobStand {
  readonly folder: string;
}

export async function directoryStand(): Promise<DirectoryStand> {
  const above = mkdtempSync(join(tmpdir(), "millrace-directory-"));
  const folder = join(above, "new", "payloads");
  const registry = registryOf();
  const store = await openPrepared(folder, registry);
  return {
    store,
    folder,
    another: () => openPrepared(folder, registry),
    async leaveHalf(key) {
      const child = spawn(process.execPath, [CHILD, folder, "hang", key], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(child, "exit");
      await once(createInterface({ input: child.stdout }), "line");
      child.kill("SIGKILL");
      await exited;
    },
    async takeAway() {
      renameSync(folder, `${folder}.away`);
      return async () => renameSync(`${folder}.away`, folder);
    },
    async close() {
      await store.close();
      rmSync(above, { recursive: true });
    },
  };
}
