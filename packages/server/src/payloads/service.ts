/**
 * The service of payloads. Small ones of many callers share statements ({@link Groups}); large ones go one by one (`uploads.ts`, `copies.ts`).
 *
 * What a user put, or reads, is remembered. A remembered payload is given without a question for {@link FRESH} milliseconds after
 * the database confirmed it last; from half of that on, the first who reads it has it confirmed in passing. So a payload that
 * another node deletes is gone here within that time, and one that is read often never waits for the database.
 */
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { ByteRange } from "./blob-store.ts";
import { type Cached, PayloadCache } from "./cache.ts";
import { type Catalog, compareKeys, type PayloadKey, type PayloadRow } from "./catalog.ts";
import { type GroupLimits, Groups, type Item, type Waiting } from "./groups.ts";
import { Copies } from "./copies.ts";
import { explained } from "./outage.ts";
import {
  type Digest,
  type Kept,
  type KeepOptions,
  OCTETS,
  type OpenPayload,
  PayloadError,
  type PayloadFigures,
  type PayloadInfo,
  type Payloads,
  type Value,
  type Verified,
} from "./payloads.ts";
import type { Stores } from "./stores.ts";
import { mismatch, Uploads } from "./uploads.ts";

export interface ServiceParts {
  readonly catalog: Catalog;
  readonly stores: Stores;
  /** Bytes of memory for payloads. */
  readonly cache: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds for which what the database said is believed. */
export const FRESH = 2_000;
/** Bytes of the largest payload that `read` and `load` give whole. */
const WHOLE = 64 * 1024 * 1024;
const MIB = 1024 * 1024;

/** Few at a time: the more callers share a statement, the less each costs. */
const WRITES: GroupLimits = {
  inFlight: 2,
  enough: 64,
  items: 1_000,
  bytes: 4 * MIB,
  queuedItems: 50_000,
  queuedBytes: 256 * MIB,
};
const READS: GroupLimits = { ...WRITES, inFlight: 3 };

const JSON_TYPE = "application/json";

interface KeepItem extends Item, PayloadKey {
  readonly mediaType: string;
  readonly body: Buffer;
  readonly ttl?: number;
}
interface KeyItem extends Item, PayloadKey {}
interface ReadItem extends KeyItem {
  /** The body is wanted as well. */
  readonly whole: boolean;
  /** What is remembered. */
  readonly known: Cached | undefined;
}
/** Of a small payload, with its bytes where they were wanted, unless they are `damaged`. */
interface Found {
  readonly row: PayloadRow;
  readonly info: PayloadInfo;
  readonly bytes: Buffer | undefined;
  readonly damaged: boolean;
}

const SMALL_ITEM = 100;

export class PayloadService implements Payloads {
  readonly #catalog: Catalog;
  readonly #stores: Stores;
  readonly #clock: Clock;
  readonly #cache: PayloadCache;
  readonly #uploads: Uploads;
  readonly #copies: Copies;
  readonly #keeps: Groups<KeepItem, Kept>;
  readonly #values: Groups<KeepItem, true>;
  readonly #reads: Groups<ReadItem, Found | undefined>;
  readonly #releases: Groups<KeyItem, boolean>;

  readonly #counts = { kept: 0, released: 0, hits: 0, misses: 0 };

  constructor(parts: ServiceParts) {
    const { catalog, stores, cache, clock } = parts;
    this.#catalog = catalog;
    this.#stores = stores;
    this.#clock = clock;
    this.#cache = new PayloadCache(cache);
    this.#uploads = new Uploads(parts);
    this.#copies = new Copies({ ...parts, uploads: this.#uploads });
    const common = {
      compare: compareKeys,
      isOutage: (error: unknown) => error instanceof PayloadError && error.kind === "unavailable",
      clock,
    };
    this.#keeps = new Groups<KeepItem, Kept>({
      ...common,
      limits: WRITES,
      run: (waiting) => this.#runKeeps(waiting),
      again: (kept) => ({ ...kept, created: false }),
      merge: longer,
    });
    this.#values = new Groups<KeepItem, true>({
      ...common,
      limits: WRITES,
      run: (waiting) => this.#runValues(waiting),
      again: () => true,
      merge: (first) => first,
    });
    this.#reads = new Groups<ReadItem, Found | undefined>({
      ...common,
      limits: READS,
      run: (waiting) => this.#runReads(waiting),
      again: (found) => found,
      merge: both,
    });
    this.#releases = new Groups<KeyItem, boolean>({
      ...common,
      limits: WRITES,
      run: (waiting) => this.#runReleases(waiting),
      again: () => false,
      merge: (first) => first,
    });
  }

  keep(
    tenant: string,
    body: Buffer | AsyncIterable<Uint8Array>,
    options: KeepOptions = {},
  ): Promise<Kept> {
    if (!Buffer.isBuffer(body) || !this.#stores.isSmall(body.length))
      return this.#keepLarge(tenant, body, options);
    const digest = hash("sha256", body, "hex");
    const { mediaType = OCTETS, expected, ttl } = options;
    if (expected !== undefined && expected !== digest)
      return Promise.reject(mismatch(expected, digest));
    return this.#keeps.submit({
      key: tenant + digest,
      bytes: body.length + SMALL_ITEM,
      tenant,
      digest,
      mediaType,
      body,
      ...(ttl === undefined ? {} : { ttl }),
    });
  }

  async #keepLarge(
    tenant: string,
    body: Buffer | AsyncIterable<Uint8Array>,
    options: KeepOptions,
  ): Promise<Kept> {
    const { small, entered } = await this.#uploads.put(tenant, body, { ...options, kept: true });
    if (small !== undefined) return this.keep(tenant, small, options);
    this.#counts.kept += 1;
    return { ...infoOf(entered.row), created: entered.created };
  }

  async #runKeeps(waiting: readonly Waiting<KeepItem, Kept>[]): Promise<readonly Kept[]> {
    const asked = this.#clock.monotonic();
    const entered = await explained(this.#catalog.keep(waiting.map(({ item }) => item)));
    this.#counts.kept += entered.length;
    return entered.map(({ created, row }, at) => {
      const { item, stale } = waiting[at]!;
      const info = infoOf(row);
      if (!stale) this.#cache.set(item.key, info, item.body, true, asked);
      return { ...info, created };
    });
  }

  read(
    tenant: string,
    digest: Digest,
    most = WHOLE,
  ): Promise<{ readonly info: PayloadInfo; readonly bytes: Buffer } | undefined> {
    const key = tenant + digest;
    const cached = this.#cache.get(key);
    if (cached === undefined || !cached.visible) return this.#readNow(tenant, digest, cached, most);
    const age = this.#clock.monotonic() - cached.at;
    if (age >= FRESH) return this.#readNow(tenant, digest, cached, most);
    if (cached.bytes.length > most) return Promise.resolve(undefined);
    this.#counts.hits += 1;
    if (age >= FRESH / 2 && !cached.asking) this.#confirm(key, tenant, digest, cached);
    return Promise.resolve(cached);
  }

  #confirm(key: string, tenant: string, digest: Digest, known: Cached): void {
    known.asking = true;
    const item = { key, bytes: SMALL_ITEM, tenant, digest, whole: false, known };
    this.#reads.submit(item).catch(() => {
      known.asking = false;
    });
  }

  async #readNow(
    tenant: string,
    digest: Digest,
    known: Cached | undefined,
    most: number,
  ): Promise<{ readonly info: PayloadInfo; readonly bytes: Buffer } | undefined> {
    const found = await this.#ask(tenant, digest, known === undefined, known);
    if (found === undefined || !found.row.visible || found.row.size > most) return undefined;
    const bytes = await this.#whole(found);
    return bytes && { info: found.info, bytes };
  }

  #ask(tenant: string, digest: Digest, whole: boolean, known?: Cached): Promise<Found | undefined> {
    const key = tenant + digest;
    return this.#reads.submit({ key, bytes: SMALL_ITEM, tenant, digest, whole, known });
  }

  /** Undefined for one that is too large. */
  async #whole({ row, bytes, damaged }: Found): Promise<Buffer | undefined> {
    if (bytes !== undefined) return bytes;
    return !damaged && row.size > WHOLE ? undefined : this.#copies.whole(row);
  }

  async #runReads(
    waiting: readonly Waiting<ReadItem, Found | undefined>[],
  ): Promise<readonly (Found | undefined)[]> {
    const keys = waiting.map(({ item }) => item);
    const whole = keys.map((item) => item.whole);
    this.#counts.misses += keys.length;
    // Not when the answer came: on its way it grew older.
    const asked = this.#clock.monotonic();
    const rows = await explained(this.#catalog.read(keys, whole));
    return rows.map((row, at) => this.#found(waiting[at]!, row, asked));
  }

  #found(
    { item: { key, whole, known }, stale }: Waiting<ReadItem, Found | undefined>,
    row: PayloadRow | undefined,
    asked: number,
  ): Found | undefined {
    if (row === undefined) {
      this.#cache.delete(key);
      return undefined;
    }
    const info = infoOf(row);
    const given = whole ? row.body : undefined;
    const damaged = given !== undefined && hash("sha256", given, "hex") !== row.digest;
    const bytes = damaged ? undefined : (given ?? known?.bytes);
    if (bytes !== undefined && !stale) this.#cache.set(key, info, bytes, row.visible, asked);
    return { row, info, bytes, damaged };
  }

  async find(tenant: string, digest: Digest): Promise<PayloadInfo | undefined> {
    const cached = this.#cache.get(tenant + digest);
    if (cached?.visible === true && this.#clock.monotonic() - cached.at < FRESH) return cached.info;
    const found = await this.#ask(tenant, digest, false);
    return found?.row.visible === true ? found.info : undefined;
  }

  async open(tenant: string, digest: Digest, range?: ByteRange): Promise<OpenPayload | undefined> {
    const cached = await this.#openable(tenant, digest);
    if (cached === undefined) return undefined;
    const { row, info, bytes } = cached;
    if (bytes === undefined) return { ...info, body: await this.#copies.open(row!, range) };
    const part = range === undefined ? bytes : bytes.subarray(range.first, range.last + 1);
    return { ...info, body: Readable.from([part], { objectMode: false }) };
  }

  async #openable(
    tenant: string,
    digest: Digest,
  ): Promise<{ row?: PayloadRow; info: PayloadInfo; bytes?: Buffer | undefined } | undefined> {
    const cached = this.#cache.get(tenant + digest);
    if (cached !== undefined) return this.read(tenant, digest);
    const found = await this.#ask(tenant, digest, true);
    if (found === undefined || !found.row.visible) return undefined;
    const { row, info } = found;
    return { row, info, bytes: row.place === undefined ? await this.#whole(found) : undefined };
  }

  release(tenant: string, digest: Digest): Promise<boolean> {
    return this.#releases.submit({ key: tenant + digest, bytes: SMALL_ITEM, tenant, digest });
  }

  async #runReleases(waiting: readonly Waiting<KeyItem, boolean>[]): Promise<readonly boolean[]> {
    try {
      const gone = await explained(this.#catalog.release(waiting.map(({ item }) => item)));
      for (const released of gone) if (released) this.#counts.released += 1;
      return gone;
    } finally {
      for (const { item } of waiting) this.#drop(item.key);
    }
  }

  /** What is under way was asked before, perhaps. */
  #drop(key: string): void {
    this.#cache.delete(key);
    this.#keeps.outdate(key);
    this.#reads.outdate(key);
  }

  get figures(): PayloadFigures {
    return { ...this.#counts, ...this.#copies.figures, cacheBytes: this.#cache.bytes };
  }

  /** Resolves when what is repaired by the way is. */
  settled(): Promise<void> {
    return this.#copies.settled();
  }

  /** Somebody else deleted these. */
  forget(keys: readonly PayloadKey[]): void {
    for (const { tenant, digest } of keys) this.#drop(tenant + digest);
  }

  async list(
    tenant: string,
    { after, limit }: { readonly after?: Digest; readonly limit: number },
  ): Promise<readonly PayloadInfo[]> {
    const rows = await explained(this.#catalog.list(tenant, after, limit));
    return rows.map(infoOf);
  }

  accepts(bytes: number): boolean {
    return this.#stores.tier(bytes) !== undefined;
  }

  async store(tenant: string, values: readonly Value[]): Promise<void> {
    await Promise.all(values.map((value) => this.#storeOne(tenant, value)));
  }

  async #storeOne(tenant: string, { digest, bytes }: Value): Promise<void> {
    if (this.#stores.isSmall(bytes.length)) {
      const item = { key: tenant + digest, bytes: bytes.length + SMALL_ITEM, tenant, digest };
      await this.#values.submit({ ...item, mediaType: JSON_TYPE, body: bytes });
      return;
    }
    const [there] = await explained(this.#catalog.touch([{ tenant, digest }]));
    if (there === true) return;
    const options = { mediaType: JSON_TYPE, size: bytes.length, expected: digest, kept: false };
    await this.#uploads.put(tenant, bytes, options);
  }

  async #runValues(waiting: readonly Waiting<KeepItem, true>[]): Promise<readonly true[]> {
    await explained(this.#catalog.store(waiting.map(({ item }) => item)));
    return waiting.map(() => true);
  }

  async load(tenant: string, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Buffer>> {
    const all = [...new Set(digests)];
    const bytes = await Promise.all(all.map((digest) => this.#loadOne(tenant, digest)));
    return new Map(all.map((digest, at) => [digest, bytes[at]!]));
  }

  async #loadOne(tenant: string, digest: Digest): Promise<Buffer> {
    const cached = this.#cache.get(tenant + digest);
    if (cached !== undefined) return cached.bytes;
    const found = await this.#ask(tenant, digest, true);
    const bytes = found && ((await this.#whole(found)) ?? (await this.#copies.whole(found.row)));
    if (bytes === undefined)
      throw new PayloadError("missing", `the payload ${digest} is not in the catalogue`, digest);
    return bytes;
  }

  async verify(tenant: string, digest: Digest): Promise<Verified | undefined> {
    const found = await this.#ask(tenant, digest, true);
    if (found === undefined || !found.row.visible) return undefined;
    return { ...found.info, copies: await this.#copies.verify(found.row) };
  }
}

/** What either asks for: bytes that one of them has in memory will do for the other, too. */
function both(first: ReadItem, next: ReadItem): ReadItem {
  return { ...first, whole: first.whole || next.whole, known: first.known ?? next.known };
}

/** The longer of two lives. */
function longer(first: KeepItem, next: KeepItem): KeepItem {
  const { ttl: _, ...rest } = first;
  if (first.ttl === undefined || next.ttl === undefined) return rest;
  return { ...rest, ttl: Math.max(first.ttl, next.ttl) };
}

export function infoOf(row: PayloadRow): PayloadInfo {
  const { digest, size, mediaType, kept, createdAt, expiresAt } = row;
  const store = row.place?.store ?? "database";
  const info = { digest, size, mediaType, store, kept, createdAt };
  return expiresAt === undefined ? info : { ...info, expiresAt };
}
