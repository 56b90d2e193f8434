/** Reads a stretch of a file in large pieces, and fails when the file ends before the stretch does. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { BlobError } from "../blob-store.ts";
import { blobError } from "./files.ts";

/** Bytes of one read. */
const PIECE = 512 * 1024;

export class BlobReader extends Readable {
  readonly #file: FileHandle;
  #at: number;
  readonly #end: number;
  #reading: Promise<void> | undefined;

  /** Closes the file when it is over. @param end behind the last byte */
  constructor(file: FileHandle, first: number, end: number) {
    super({ highWaterMark: PIECE });
    this.#file = file;
    this.#at = first;
    this.#end = end;
  }

  override _read(): void {
    this.#reading = this.#next();
  }

  async #next(): Promise<void> {
    const length = Math.min(PIECE, this.#end - this.#at);
    if (length <= 0) {
      this.push(null);
      return;
    }
    try {
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await this.#file.read(buffer, 0, length, this.#at);
      if (bytesRead === 0)
        throw new BlobError("unavailable", `payload directory: the file ends at byte ${this.#at}`);
      this.#at += bytesRead;
      this.push(bytesRead === length ? buffer : buffer.subarray(0, bytesRead));
    } catch (error) {
      this.destroy(blobError(error));
    }
  }

  override _destroy(reason: Error | null, done: (error?: Error | null) => void): void {
    void this.#close().finally(() => done(reason));
  }

  async #close(): Promise<void> {
    await this.#reading;
    // All was read, or nobody wants it any more.
    await this.#file.close().catch(() => {});
  }
}
