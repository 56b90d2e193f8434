/** Operations on files whose effect has to outlive a crash, and what their errors mean. */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { BlobError } from "../blob-store.ts";

/** For the owner alone: payloads are nobody else's business on this machine. */
export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** What a file system reports, as a store does. What is a {@link BlobError} already stays it. */
export function blobError(error: unknown): BlobError {
  if (error instanceof BlobError) return error;
  const text = error instanceof Error ? error.message : String(error);
  // A file larger than the file system takes will not fit later either.
  const kind = codeOf(error) === "EFBIG" ? "refused" : "unavailable";
  return new BlobError(kind, `payload directory: ${text}`, error);
}

/** @throws {BlobError} for any error of `operation` */
export async function attempt<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw blobError(error);
  }
}

/** Makes the names in a folder durable. Windows does so by itself, and opens no folders. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes a folder and those above it that are missing, durably. */
export async function makeFolders(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made))
    await syncFolder(dirname(made));
}
