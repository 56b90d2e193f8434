/**
 * Whose folder it is. A file in it holds the id of the folder and that of its database, and the database knows the id of its folder. So a
 * server notices at its start that the disk is not mounted, that the folder is another database's, or that it stands on another machine
 * than the folder of the other servers.
 */
import { randomUUID } from "node:crypto";
import { link, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { BlobError } from "../blob-store.ts";
import { attempt, codeOf, FILE_MODE, syncFolder } from "./files.ts";

export const MARKER = "millrace-payloads.json";

/** What the database knows about its folder. */
export interface FolderRegistry {
  known(): Promise<{
    /** The id of the database itself. */
    readonly database: string;
    /** The id of its folder; undefined as long as it has none. */
    readonly folder: string | undefined;
  }>;
  /** Makes `id` that of its folder unless it has one. @returns the id of its folder from now on */
  register(id: string): Promise<string>;
}

interface Marker {
  readonly folder: string;
  readonly database: string;
}

/**
 * Takes the folder for this database, or finds that it is its already.
 * @throws {BlobError} `refused` when it is another's; `unavailable` when it holds nothing, though the database has payloads in a folder
 */
export async function claimFolder(folder: string, registry: FolderRegistry): Promise<void> {
  const found = await readMarker(folder);
  const { database, folder: registered } = await registry.known();
  if (found === undefined && registered !== undefined) throw lostFolder(folder, registered);
  const fresh = { folder: randomUUID(), database };
  const marker = found ?? (await writeMarker(folder, fresh));
  if (marker.database !== database)
    throw new BlobError(
      "refused",
      `${folder} holds the payloads of another database (${MARKER} names ${marker.database}): give this one a folder of its own`,
    );
  const known = registered ?? (await registry.register(marker.folder));
  if (known === marker.folder) return;
  // Of two servers that start at the same time on two machines, the one that comes second leaves the folder as it was.
  if (marker.folder === fresh.folder) await unlink(join(folder, MARKER)).catch(() => {});
  throw new BlobError(
    "refused",
    `${folder} is not the folder that the other servers of this database keep payloads in: mount that one here, or configure a store that servers can share (s3, cassandra)`,
  );
}

/** @throws {BlobError} `unavailable` when the folder, or what makes it ours, is not there: it was moved, or its disk is not mounted */
export async function assertMarked(folder: string): Promise<void> {
  if ((await readMarker(folder)) !== undefined) return;
  throw new BlobError("unavailable", `payload directory: ${folder} is not there, or not mounted`);
}

async function readMarker(folder: string): Promise<Marker | undefined> {
  const path = join(folder, MARKER);
  const text = await attempt(() => readFile(path, "utf8").catch(undefinedIfMissing));
  if (text === undefined) return undefined;
  const marker = parse(text);
  if (marker !== undefined) return marker;
  throw new BlobError("refused", `${path} is damaged: restore it from a backup of the folder`);
}

function undefinedIfMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}

function parse(text: string): Marker | undefined {
  try {
    const { folder, database } = JSON.parse(text) as Partial<Marker>;
    const isWhole = typeof folder === "string" && typeof database === "string";
    return isWhole ? { folder, database } : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all, and never over one that is there. @returns the one that is there afterwards */
async function writeMarker(folder: string, marker: Marker): Promise<Marker> {
  const path = join(folder, MARKER);
  const fresh = `${path}.${marker.folder}`;
  await attempt(async () => {
    const file = await open(fresh, "wx", FILE_MODE);
    try {
      await file.writeFile(`${JSON.stringify(marker)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(fresh, path);
    } catch (error) {
      // Another server was faster.
      if (codeOf(error) !== "EEXIST") throw error;
    } finally {
      await unlink(fresh);
    }
    await syncFolder(folder);
  });
  return (await readMarker(folder)) ?? marker;
}

function lostFolder(folder: string, id: string): BlobError {
  return new BlobError(
    "unavailable",
    `${folder} holds no payloads, but this database keeps some in its folder ${id}: mount the disk, or restore ${MARKER} and what stood beside it from a backup`,
  );
}
