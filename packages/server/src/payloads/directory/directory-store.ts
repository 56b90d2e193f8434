/**
 * Blobs as files of a local folder: `FOLDER/ab/ab…` by the first two digits of their keys.
 *
 * An upload grows in `FOLDER/partial/KEY`. When its bytes are on disk, the file gets its name beside the others by a hard link, which
 * cannot overwrite anything, and the folder is flushed; then the upload has succeeded, and its first name goes. So after a crash at any
 * moment there is the whole blob under its name or none, and what is in `partial` is nobody's, or has another name as well.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, opendir, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  BlobError,
  type BlobStore,
  type ByteRange,
  checkKey,
  isKey,
  type PutOptions,
  type StoredBlob,
} from "../blob-store.ts";
import { checkedBody } from "../checked-body.ts";
import { BlobReader } from "./blob-reader.ts";
import { attempt, blobError, codeOf, FOLDER_MODE, makeFolders, syncFolder } from "./files.ts";
import { assertMarked, claimFolder, type FolderRegistry } from "./marker.ts";
import { PartialFile } from "./partial-file.ts";

export interface DirectoryOptions {
  /** Absolute path; made when it is missing. All servers of a database have to see the same one. */
  readonly folder: string;
  readonly registry: FolderRegistry;
  /** Epoch milliseconds by the clock that dates files. */
  readonly now?: () => number;
}

const PARTIAL = "partial";
/** Digits of a key that name its folder: 256 folders, so millions of blobs are thousands in each. */
const FAN_OUT = 2;

export function openDirectoryStore(options: DirectoryOptions): BlobStore {
  return new DirectoryStore(options);
}

class DirectoryStore implements BlobStore {
  readonly name = "directory";
  readonly maxBytes = Number.MAX_SAFE_INTEGER;
  readonly #folder: string;
  readonly #partial: string;
  readonly #registry: FolderRegistry;
  readonly #now: () => number;
  /** Keys of this process's uploads. */
  readonly #uploads = new Set<string>();
  /** Folders of the fan-out that are known to be there, durably. */
  readonly #folders = new Map<string, Promise<void>>();

  constructor({ folder, registry, now = Date.now }: DirectoryOptions) {
    this.#folder = folder;
    this.#partial = join(folder, PARTIAL);
    this.#registry = registry;
    this.#now = now;
  }

  async put(key: string, body: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<void> {
    checkKey(key);
    if (this.#uploads.has(key)) throw taken(key);
    this.#uploads.add(key);
    try {
      await this.#upload(key, body, options);
    } finally {
      this.#uploads.delete(key);
    }
  }

  async #upload(
    key: string,
    body: AsyncIterable<Uint8Array>,
    { signal, ...options }: PutOptions,
  ): Promise<void> {
    const path = join(this.#partial, key);
    const disk = new AbortController();
    const either = signal === undefined ? disk.signal : AbortSignal.any([signal, disk.signal]);
    const file = new PartialFile(path, (error) => disk.abort(error));
    try {
      const chunks = checkedBody(body, this.maxBytes, { ...options, signal: either });
      for await (const chunk of chunks) await file.append(chunk);
      await file.finish();
      signal?.throwIfAborted();
      await attempt(() => this.#name(key, path));
    } finally {
      await file.abandon();
      await unlink(path).catch(() => {});
    }
  }

  /** Gives the finished file its name. */
  async #name(key: string, path: string): Promise<void> {
    const fan = key.slice(0, FAN_OUT);
    const folder = join(this.#folder, fan);
    await this.#ensureFolder(fan);
    const target = join(folder, key);
    try {
      await link(path, target);
    } catch (error) {
      this.#folders.delete(fan);
      throw codeOf(error) === "EEXIST" ? taken(key) : error;
    }
    try {
      await syncFolder(folder);
    } catch (error) {
      await unlink(target).catch(() => {});
      throw error;
    }
  }

  /** Another process may have made it and not flushed it yet, so each flushes it once. */
  async #ensureFolder(fan: string): Promise<void> {
    const make = async (): Promise<void> => {
      await mkdir(join(this.#folder, fan), { mode: FOLDER_MODE }).catch((error: unknown) => {
        if (codeOf(error) !== "EEXIST") throw error;
      });
      await syncFolder(this.#folder);
    };
    const made = this.#folders.get(fan) ?? make();
    this.#folders.set(fan, made);
    try {
      await made;
    } catch (error) {
      this.#folders.delete(fan);
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable | undefined> {
    checkKey(key);
    const file = await this.#ifThere(() => open(this.#pathOf(key), "r"));
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat();
      const { first, last } = range ?? { first: 0, last: size - 1 };
      return new BlobReader(file, first, Math.min(last + 1, size));
    } catch (error) {
      await file.close().catch(() => {});
      throw blobError(error);
    }
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#ifThere(async () => {
      await unlink(this.#pathOf(key));
      // Else a crash might bring it back when nothing knows of it any more.
      await syncFolder(join(this.#folder, key.slice(0, FAN_OUT)));
    });
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    await assertMarked(this.#folder);
    const folders = await attempt(() => readdir(this.#folder));
    for (const name of folders.filter((each) => /^[0-9a-f]{2}$/.test(each)).toSorted())
      yield* this.#listFolder(name);
  }

  async *#listFolder(name: string): AsyncGenerator<StoredBlob, void, undefined> {
    const folder = join(this.#folder, name);
    const entries = await attempt(() => opendir(folder));
    for await (const { name: key } of entries) {
      if (!isKey(key) || !key.startsWith(name)) continue;
      const found = await this.#ifThere(() => stat(join(folder, key)));
      if (found?.isFile() === true) yield { key, size: found.size };
    }
  }

  async prepare(): Promise<void> {
    await usable(this.#folder, async () => {
      await makeFolders(this.#folder);
      await claimFolder(this.#folder, this.#registry);
      await makeFolders(this.#partial);
      await this.#probe();
    });
  }

  /** Does once what every upload needs. */
  async #probe(): Promise<void> {
    const path = join(this.#partial, `probe-${randomUUID()}`);
    try {
      await (await open(path, "wx")).close();
      await link(path, `${path}-link`);
    } catch (error) {
      // What is there can be read all the same.
      if (!["ENOSPC", "EDQUOT"].includes(codeOf(error) ?? "")) throw error;
    } finally {
      await unlink(path).catch(() => {});
      await unlink(`${path}-link`).catch(() => {});
    }
  }

  async tidy(age: number): Promise<number> {
    const names = await attempt(() => readdir(this.#partial));
    let tidied = 0;
    for (const name of names) {
      if (this.#uploads.has(name)) continue;
      const path = join(this.#partial, name);
      const found = await this.#ifThere(() => stat(path));
      if (found === undefined || this.#now() - found.mtimeMs < age) continue;
      // It began after the names were read.
      if (this.#uploads.has(name)) continue;
      await this.#ifThere(() => unlink(path));
      tidied += 1;
    }
    return tidied;
  }

  async close(): Promise<void> {}

  #pathOf(key: string): string {
    return join(this.#folder, key.slice(0, FAN_OUT), key);
  }

  /** Undefined when the file is not there; not so when the whole folder is not. */
  async #ifThere<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await operation();
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw blobError(error);
      await assertMarked(this.#folder);
      return undefined;
    }
  }
}

function taken(key: string): BlobError {
  return new BlobError("refused", `there is a blob with the key ${key} already`);
}

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: "the server's user may not write there: change its owner or mode",
  EPERM:
    "the server's user may not do that there, or the file system knows no hard links: choose another",
  ENOTSUP: "the file system knows no hard links: choose another",
  EROFS: "the file system is mounted read-only",
  ENOTDIR: "what it stands in is not a folder",
  EEXIST: "that is not a folder",
};

/** @throws {BlobError} that says what to do when the folder cannot be used as it is */
async function usable(folder: string, prepare: () => Promise<void>): Promise<void> {
  try {
    await prepare();
  } catch (error) {
    if (error instanceof BlobError && error.cause === undefined) throw error;
    const { cause = error } = error as Error;
    const advice = ADVICE[codeOf(cause) ?? ""];
    if (advice === undefined) throw blobError(cause);
    throw new BlobError(
      "refused",
      `payload directory ${folder}: ${advice} (${codeOf(cause)})`,
      cause,
    );
  }
}
