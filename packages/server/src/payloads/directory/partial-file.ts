/** The file that an upload grows in before it has its name: chunks are gathered, and go to disk while the next ones come. */
import { type FileHandle, open } from "node:fs/promises";
import { attempt, FILE_MODE } from "./files.ts";

/** Bytes of one write: large enough that the number of system calls does not matter. */
const BATCH_BYTES = 1024 * 1024;
/** Chunks of one write: tiny ones may stand in large buffers, which they keep alive. */
const BATCH_CHUNKS = 256;
/**
 * After so many bytes the disk is told to begin, so that the end of a large upload does not have to wait for all of it. Not more often:
 * each time costs a commit of the file system's journal.
 */
const SYNC_BYTES = 64 * 1024 * 1024;

export class PartialFile {
  readonly #path: string;
  readonly #onFailure: (error: unknown) => void;
  #file: FileHandle | undefined;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #position = 0;
  #synced = 0;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;

  /** @param onFailure told, besides whoever calls next, when the disk fails meanwhile */
  constructor(path: string, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** Resolves when the next chunk may come. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#batch.push(chunk);
    this.#batchBytes += chunk.byteLength;
    if (this.#batchBytes < BATCH_BYTES && this.#batch.length < BATCH_CHUNKS) return;
    await this.#flush();
  }

  /** Resolves when all bytes are on disk, and the file is closed. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#syncing;
    await attempt(async () => {
      await this.#file?.datasync();
      await this.#file?.close();
    });
    this.#file = undefined;
  }

  /** Closes it as it is, when it is open. */
  async abandon(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  /** Begins to write what was gathered, when what was written before is done. */
  async #flush(): Promise<void> {
    this.#file ??= await attempt(() => open(this.#path, "wx", FILE_MODE));
    await this.#writing;
    const [file, batch, position] = [this.#file, this.#batch, this.#position];
    this.#position += this.#batchBytes;
    [this.#batch, this.#batchBytes] = [[], 0];
    this.#writing = this.#watched(writeAll(file, batch, position));
    if (position - this.#synced < SYNC_BYTES) return;
    // An error of a flush is reported once, to the first who asks: it has to be waited for.
    await this.#syncing;
    this.#synced = position;
    this.#syncing = this.#watched(file.datasync());
  }

  #watched(operation: Promise<void>): Promise<void> {
    const result = attempt(() => operation);
    result.catch(this.#onFailure);
    return result;
  }
}

async function writeAll(
  file: FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let [rest, at] = [chunks, position];
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    // On a disk that is nearly full only a part is taken; the next write says why.
    rest = after(rest, bytesWritten);
  }
}

function after(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.byteLength) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.byteLength;
  }
  return [];
}
