/** What is read and written in the tables (`schema.ts` says what they are), one function for each. */
import { BlobError, type StoredBlob } from "../blob-store.ts";
import type { Row, Session } from "./session.ts";

/** Bytes of the largest blob that stands in one row, and of a chunk; chunks of a partition. As they are stored: fixed for ever. */
export const SMALL = 64 * 1024;
export const CHUNK = 256 * 1024;
export const PART = 32;

/**
 * Microseconds by which a deletion is written ahead of its time. A key is never used again, so whatever else is written under it,
 * until then, is of somebody who does not know that it was given up, and goes with it.
 */
const AHEAD = 86_400_000_000;
/** Seconds for which an upload that was given up cannot finish. */
const MARK = 10 * 86_400;
/** Attempts to write a head while nobody can say whether the one before did. */
const ATTEMPTS = 3;

export interface Head {
  readonly size: number;
  /** Present up to {@link SMALL} bytes. */
  readonly body?: Buffer;
}

export interface Unfinished {
  readonly key: string;
  readonly parts: number;
  /** Milliseconds since it was written, by Cassandra's clock. */
  readonly age: number;
}

const COLUMNS = "key, parts, touched_at, toTimestamp(now()) AS now";

export class Rows {
  readonly #session: Session;
  readonly #blobs: string;
  readonly #chunks: string;
  readonly #unfinished: string;

  constructor(session: Session) {
    const { keyspace } = session.settings;
    this.#session = session;
    this.#blobs = `${keyspace}.blobs`;
    this.#chunks = `${keyspace}.chunks`;
    this.#unfinished = `${keyspace}.unfinished`;
  }

  async head(key: string): Promise<Head | undefined> {
    const cql = `SELECT size, body FROM ${this.#blobs} WHERE key = ?`;
    const [row] = await this.#session.all("looking for a blob", cql, [key]);
    // Without a size: the mark of an upload that was given up.
    if (row === undefined || row["size"] === null) return undefined;
    const [size, body] = [Number(row["size"]), row["body"] as Buffer | null];
    return body === null ? { size } : { size, body };
  }

  /** Stores a blob of at most {@link SMALL} bytes. */
  async small(key: string, body: Buffer): Promise<void> {
    const cql = `INSERT INTO ${this.#blobs} (key, size, body) VALUES (?, ?, ?)`;
    await this.#session.write("storing a blob", cql, [key, BigInt(body.byteLength), body]);
  }

  /** Makes a blob of chunks visible. @throws {BlobError} when it was given up meanwhile */
  async large(key: string, size: number): Promise<void> {
    const cql = `INSERT INTO ${this.#blobs} (key, size) VALUES (?, ?) IF NOT EXISTS`;
    for (let attempt = 1; ; attempt++) {
      try {
        const present = await this.#session.claim("finishing a blob", cql, [key, BigInt(size)]);
        // An attempt before this one may have done it.
        if (present === undefined || Number(present["size"] ?? -1) === size) return;
        throw new BlobError("refused", "Cassandra: the upload took so long that it was given up");
      } catch (error) {
        if (attempt === ATTEMPTS || (error as BlobError).kind === "refused") throw error;
      }
    }
  }

  /** Sees to it that an upload never finishes. @returns false when it has */
  async giveUp(key: string): Promise<boolean> {
    const cql = `INSERT INTO ${this.#blobs} (key) VALUES (?) IF NOT EXISTS USING TTL ${MARK}`;
    const present = await this.#session.claim("giving an upload up", cql, [key]);
    return present === undefined || present["size"] === null;
  }

  async deleteHead(key: string): Promise<void> {
    const cql = `DELETE FROM ${this.#blobs} WHERE key = ?`;
    await this.#session.write("deleting a blob", cql, [key], late());
  }

  async *list(): AsyncGenerator<StoredBlob, void, undefined> {
    const cql = `SELECT key, size FROM ${this.#blobs}`;
    for await (const row of this.#session.paged("listing", cql))
      if (row["size"] !== null) yield { key: String(row["key"]), size: Number(row["size"]) };
  }

  async chunk(key: string, number: number): Promise<Buffer | undefined> {
    const cql = `SELECT body FROM ${this.#chunks} WHERE key = ? AND part = ? AND chunk = ?`;
    const at = [key, Math.floor(number / PART), number % PART];
    const [row] = await this.#session.all("reading a blob", cql, at);
    return row?.["body"] as Buffer | undefined;
  }

  async writeChunk(key: string, number: number, body: Buffer): Promise<void> {
    const cql = `INSERT INTO ${this.#chunks} (key, part, chunk, body) VALUES (?, ?, ?, ?)`;
    const at = [key, Math.floor(number / PART), number % PART];
    await this.#session.write("storing a blob", cql, [...at, body]);
  }

  async deletePart(key: string, part: number): Promise<void> {
    const cql = `DELETE FROM ${this.#chunks} WHERE key = ? AND part = ?`;
    await this.#session.write("deleting a blob", cql, [key, part], late());
  }

  /** Before the first of so many partitions of chunks is written, or deleted. */
  async touch(key: string, parts: number): Promise<void> {
    const cql = `INSERT INTO ${this.#unfinished} (key, parts, touched_at) VALUES (?, ?, toTimestamp(now()))`;
    await this.#session.write("beginning an upload or a deletion", cql, [key, parts]);
  }

  async unfinished(key: string): Promise<Unfinished | undefined> {
    const cql = `SELECT ${COLUMNS} FROM ${this.#unfinished} WHERE key = ?`;
    const [row] = await this.#session.all("looking for an upload", cql, [key]);
    return row === undefined ? undefined : unfinishedOf(row);
  }

  async *allUnfinished(): AsyncGenerator<Unfinished, void, undefined> {
    const cql = `SELECT ${COLUMNS} FROM ${this.#unfinished}`;
    for await (const row of this.#session.paged("looking for uploads", cql))
      yield unfinishedOf(row);
  }

  async forget(key: string): Promise<void> {
    const cql = `DELETE FROM ${this.#unfinished} WHERE key = ?`;
    await this.#session.write("ending an upload or a deletion", cql, [key]);
  }
}

/** Microseconds since 1970. */
function late(): number {
  return Date.now() * 1_000 + AHEAD;
}

function unfinishedOf(row: Row): Unfinished {
  const age = Number(row["now"]) - Number(row["touched_at"]);
  return { key: String(row["key"]), parts: Number(row["parts"]), age };
}
