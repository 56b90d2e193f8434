/** Payloads in a bucket of S3, or of any server that speaks its protocol, each in an object of its own. */
import { randomUUID } from "node:crypto";
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
import { Bucket, type S3Options } from "./bucket.ts";
import { download } from "./download.ts";
import { isFaultOfSettings } from "./errors.ts";
import { MAX_OBJECT_BYTES, PartMemory } from "./parts.ts";
import type { S3Settings } from "./settings.ts";
import { upload } from "./upload.ts";

export type { S3Options } from "./bucket.ts";

/** Bytes that all uploads have together for parts on their way, besides the one part that each may always have. */
const MEMORY = 128 * 1024 * 1024;
/** What a start stores to see whether it may stands below; a payload never does. */
const TRIAL = "trial/";

/** Connects when it is first used. */
export function openS3Store(settings: S3Settings, options: S3Options = {}): BlobStore {
  return new S3Store(new Bucket(settings, options));
}

class S3Store implements BlobStore {
  readonly name = "s3";
  readonly maxBytes = MAX_OBJECT_BYTES;
  readonly #bucket: Bucket;
  readonly #memory = new PartMemory(MEMORY);
  /** Keys of the multipart uploads that are under way here. */
  readonly #own = new Set<string>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async put(key: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void> {
    checkKey(key);
    await upload(
      { bucket: this.#bucket, memory: this.#memory, own: this.#own },
      key,
      body,
      options,
    );
  }

  async get(key: string, range?: ByteRange): Promise<Readable | undefined> {
    checkKey(key);
    return await download(this.#bucket, key, range);
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#bucket.remove(key);
  }

  async *list(): AsyncIterable<StoredBlob> {
    for await (const blob of this.#bucket.objects()) if (isKey(blob.key)) yield blob;
  }

  /**
   * Tries out every right that is needed.
   * @throws {BlobError} `refused` for what stays wrong until settings, credentials or the bucket are changed
   */
  async prepare(): Promise<void> {
    try {
      await this.#tryOut(`${TRIAL}${randomUUID()}`);
    } catch (error) {
      if (!isFaultOfSettings(error)) throw error;
      throw new BlobError("refused", (error as Error).message, error);
    }
  }

  async #tryOut(key: string): Promise<void> {
    const bytes = Buffer.from("Millrace tries out whether it may use this bucket.\n");
    const { signal } = new AbortController();
    await this.#bucket.put(key, bytes, signal);
    const range = { first: 0, last: 0 };
    const object = await this.#bucket.open(key, range, undefined, signal);
    object?.body.destroy();
    await this.#bucket.remove(key);
    await this.#bucket.objects().next();
    await this.#bucket.abortUpload(key, await this.#bucket.startUpload(key, signal));
    await this.#bucket.uploads().next();
    if (object !== undefined) return;
    const { bucket } = this.#bucket.settings;
    throw new BlobError("refused", `S3 bucket ${bucket}: what was stored is not found again`);
  }

  async tidy(age: number): Promise<number> {
    const youngest = Date.now() - age;
    let aborted = 0;
    for await (const { key, id, since } of this.#bucket.uploads()) {
      if (since === undefined || since > youngest || this.#own.has(key)) continue;
      if (!isKey(key) && !key.startsWith(TRIAL)) continue;
      await this.#bucket.abortUpload(key, id);
      aborted += 1;
    }
    return aborted;
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }
}
