/**
 * The port to a store of large payloads: bytes under a key. What they are, whose, and how often they are referred to is the
 * catalogue's matter (`payloads.ts`).
 *
 * A key is made for one upload (`newKey`) and never used again, by anybody: so no upload meets another, and deleting an old one
 * cannot take a new one with it.
 */
import type { Readable } from "node:stream";

/** Bytes `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface PutOptions {
  /** Bytes, where they are known beforehand; other numbers that come are an error. */
  readonly size?: number;
  /** Aborts the upload: nothing stays. */
  readonly signal?: AbortSignal;
}

export interface StoredBlob {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** `unavailable`: the store does not answer, or is full; trying again may help. `refused`: it never will. */
export type BlobErrorKind = "unavailable" | "refused";

export class BlobError extends Error {
  override readonly name = "BlobError";
  readonly kind: BlobErrorKind;
  constructor(kind: BlobErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Methods reject with a {@link BlobError}, or with what the caller's own body or signal threw. */
export interface BlobStore {
  /** `directory`, `s3` or `cassandra`: as settings and the catalogue name it. */
  readonly name: string;
  /** The most bytes of one blob. */
  readonly maxBytes: number;
  /** Resolves when the whole of it would survive a crash of every process. Until then, nobody sees anything of it. */
  put(key: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>;
  /** Undefined when there is no such blob. The stream fails with a {@link BlobError} when the store gives up half-way. */
  get(key: string, range?: ByteRange): Promise<Readable | undefined>;
  /** One that is not there is no error. */
  delete(key: string): Promise<void>;
  /** Every blob that is stored whole, in any order. */
  list(): AsyncIterable<StoredBlob>;
  /** Resolves when the store can be used, and makes what it needs (folders, tables); asked once, at the start. */
  prepare(): Promise<void>;
  /** Clears away what uploads of ended processes left half-done and is older than this many milliseconds. @returns how many */
  tidy(age: number): Promise<number>;
  close(): Promise<void>;
}
