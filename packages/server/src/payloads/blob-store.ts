/**
 * The port to a store of large payloads: bytes under a key. What they are, whose, and how often they are referred to is the
 * catalogue's matter (`payloads.ts`).
 *
 * A key is made for one upload (`newKey`) and never used again, by anybody: so no upload meets another, and deleting an old one
 * cannot take a new one with it.
 */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";

/** Bytes `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface PutOptions {
  /** Bytes, where they are known beforehand; when others come, it is `refused`. */
  readonly size?: number;
  /** Aborts the upload, also when its body hangs: nothing stays, and the put rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface StoredBlob {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * `unavailable`: the store does not answer, or is full; trying again may help. `refused`: it never will. `damaged`: a part of the blob
 * is gone.
 */
export type BlobErrorKind = "unavailable" | "refused" | "damaged";

export class BlobError extends Error {
  override readonly name = "BlobError";
  readonly kind: BlobErrorKind;
  constructor(kind: BlobErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** A new key: 128 random bits as 32 hexadecimal digits, which every store takes. */
export function newKey(): string {
  return randomBytes(16).toString("hex");
}

/** True for what {@link newKey} may have made. */
export function isKey(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** @throws {BlobError} `refused` for what {@link newKey} does not make */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new BlobError("refused", `not the key of a blob: ${JSON.stringify(key)}`);
}

/** Methods reject with a {@link BlobError}, or with what the caller's own body or signal threw. */
export interface BlobStore {
  /** `directory`, `s3` or `cassandra`: as settings and the catalogue name it. */
  readonly name: string;
  /** The most bytes of one blob. */
  readonly maxBytes: number;
  /**
   * Resolves when the whole of it would survive a crash of every process. Until then, nobody sees anything of it. The chunks are
   * the store's to keep, not to change; chunks of no bytes are passed over. `refused`: another number of bytes than declared, or more
   * than `maxBytes`.
   */
  put(key: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>;
  /**
   * Undefined when there is no such blob. The stream fails with a {@link BlobError} when the store gives up half-way: it never ends
   * early. A range that reaches beyond the last byte gives what there is.
   */
  get(key: string, range?: ByteRange): Promise<Readable | undefined>;
  /** One that is not there is no error. */
  delete(key: string): Promise<void>;
  /** Every blob that is stored whole, in any order. */
  list(): AsyncIterable<StoredBlob>;
  /** Resolves when the store can be used, and makes what it needs (folders, tables); asked once, at the start. */
  prepare(): Promise<void>;
  /**
   * Clears away what uploads of ended processes left half-done and is older than this many milliseconds. Those that this process has
   * under way are left alone, whatever the age. @returns how many
   */
  tidy(age: number): Promise<number>;
  close(): Promise<void>;
}
