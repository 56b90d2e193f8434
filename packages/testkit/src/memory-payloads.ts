/**
 * {@link Payloads} in memory, for tests of the API alone: keeps what it is given, refers to nothing, and a test damages what it
 * keeps. Its answers to misuse are the real service's.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  type ByteRange,
  type KeepOptions,
  type Kept,
  PayloadError,
  type PayloadInfo,
  type Payloads,
  type Value,
  type Verified,
} from "@millrace/server/payloads";

interface Entry {
  readonly info: PayloadInfo;
  bytes: Buffer;
}

/** Given to what is stored: each is a second after the one before. */
const EPOCH = Date.UTC(2026, 10, 5, 12);

export class MemoryPayloads implements Payloads {
  readonly #entries = new Map<string, Entry>();
  /** Bytes below which a payload is small. */
  smallBelow = 1_048_576;
  /** When set, everything rejects with it. */
  refusal: Error | undefined;
  #time = EPOCH;

  async keep(
    tenant: string,
    body: Buffer | AsyncIterable<Uint8Array>,
    options: KeepOptions = {},
  ): Promise<Kept> {
    this.#check();
    const bytes = Buffer.isBuffer(body) ? body : Buffer.concat(await Array.fromAsync(body));
    const digest = createHash("sha256").update(bytes).digest("hex");
    const { expected = digest, mediaType = "application/octet-stream", ttl } = options;
    if (expected !== digest) {
      const message = `the bytes that came have the digest ${digest}, not ${expected}`;
      throw new PayloadError("digest-mismatch", message);
    }
    const known = this.#entries.get(`${tenant}/${digest}`);
    this.#time += 1_000;
    const createdAt = known?.info.createdAt ?? this.#time;
    const store = bytes.length < this.smallBelow ? "database" : "directory";
    const info: PayloadInfo = {
      digest,
      size: bytes.length,
      mediaType: known?.info.mediaType ?? mediaType,
      store,
      kept: true,
      createdAt,
      ...(ttl === undefined ? {} : { expiresAt: createdAt + ttl }),
    };
    this.#entries.set(`${tenant}/${digest}`, { info, bytes });
    return { ...info, created: known === undefined };
  }

  async read(tenant: string, digest: string) {
    const entry = this.#find(tenant, digest);
    if (entry === undefined || entry.bytes.length >= this.smallBelow) return undefined;
    if (isDamaged(entry)) throw damaged(digest);
    return entry;
  }

  async open(tenant: string, digest: string, range?: ByteRange) {
    const entry = this.#find(tenant, digest);
    if (entry === undefined) return undefined;
    const { bytes, info } = entry;
    const part = range === undefined ? bytes : bytes.subarray(range.first, range.last + 1);
    const fails = range === undefined && isDamaged(entry);
    return { ...info, body: Readable.from(chunks(part, fails ? damaged(digest) : undefined)) };
  }

  async find(tenant: string, digest: string) {
    return this.#find(tenant, digest)?.info;
  }

  async release(tenant: string, digest: string) {
    this.#check();
    return this.#entries.delete(`${tenant}/${digest}`);
  }

  async list(tenant: string, page: { readonly after?: string; readonly limit: number }) {
    this.#check();
    return [...this.#entries]
      .filter(([key]) => key.startsWith(`${tenant}/`))
      .map(([, { info }]) => info)
      .filter(({ digest }) => digest > (page.after ?? ""))
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
      .slice(0, page.limit);
  }

  async verify(tenant: string, digest: string): Promise<Verified | undefined> {
    const entry = this.#find(tenant, digest);
    if (entry === undefined) return undefined;
    const state = isDamaged(entry) ? "damaged" : "right";
    return { ...entry.info, copies: [{ store: entry.info.store, state }] };
  }

  accepts(): boolean {
    return true;
  }

  async store(tenant: string, values: readonly Value[]) {
    for (const { bytes } of values) await this.keep(tenant, bytes);
  }

  async load(tenant: string, digests: readonly string[]) {
    const found = digests.map((digest): [string, Buffer] => {
      const entry = this.#find(tenant, digest);
      if (entry === undefined) throw new PayloadError("missing", `no payload ${digest}`, digest);
      return [digest, entry.bytes];
    });
    return new Map(found);
  }

  /** Everything that is kept, by digest. */
  get digests(): readonly string[] {
    return [...this.#entries.values()].map(({ info }) => info.digest);
  }

  /** Changes a byte of what is kept. */
  damage(digest: string): void {
    const entry = this.#find("default", digest);
    if (entry === undefined) throw new Error(`no payload ${digest}`);
    const bytes = Buffer.from(entry.bytes);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    entry.bytes = bytes;
  }

  #find(tenant: string, digest: string): Entry | undefined {
    this.#check();
    return this.#entries.get(`${tenant}/${digest}`);
  }

  #check(): void {
    if (this.refusal) throw this.refusal;
  }
}

function isDamaged({ bytes, info }: Entry): boolean {
  return createHash("sha256").update(bytes).digest("hex") !== info.digest;
}

function damaged(digest: string): PayloadError {
  return new PayloadError("corrupt", `payload ${digest} is damaged`, digest);
}

const CHUNK = 65_536;

/** What is damaged fails in place of its last chunk. */
function* chunks(bytes: Buffer, failure?: Error): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    if (failure !== undefined && at + CHUNK >= bytes.length) throw failure;
    yield bytes.subarray(at, at + CHUNK);
  }
}
