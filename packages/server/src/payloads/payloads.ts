/**
 * Payloads: immutable values under the SHA-256 of their bytes, in each tenant's own namespace. What the API and the engine call.
 *
 * Users *keep* payloads and *release* them. The engine *stores* values and then refers to them (`payload_refs`) in the transaction
 * that needs them. What is neither kept nor referred to, and was not touched for the grace period, is swept.
 */
import type { Readable } from "node:stream";
import type { ByteRange } from "./blob-store.ts";

export type { ByteRange } from "./blob-store.ts";

/** SHA-256 in lower-case hexadecimal, 64 characters. */
export type Digest = string;

export interface PayloadInfo {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** `database`, or the name of a store. */
  readonly store: string;
  /** A user put it and has not deleted it. */
  readonly kept: boolean;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly expiresAt?: number;
}

/** The media type of what comes without one. */
export const OCTETS = "application/octet-stream";

export interface KeepOptions {
  /** {@link OCTETS} unless given. Of one that is there already, the first stays. */
  readonly mediaType?: string;
  /** Bytes, where they are known beforehand. */
  readonly size?: number;
  /** What the sender says the digest is: `digest-mismatch` when it is another. */
  readonly expected?: Digest;
  /** Milliseconds after which it is released by itself. */
  readonly ttl?: number;
  readonly signal?: AbortSignal;
}

export interface Kept extends PayloadInfo {
  /** False when a user keeps it already. */
  readonly created: boolean;
}

export interface OpenPayload extends PayloadInfo {
  /** The bytes asked for. Of a whole payload the last ones come only when the digest is right; else the stream fails. A part is not verified. */
  readonly body: Readable;
}

/** A value of the engine, as it is stored. */
export interface Value {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export type PayloadErrorKind =
  /** The catalogue or the store has it no more: something is broken. */
  | "missing"
  /** Its bytes are not those of its digest, and no second store has them either. */
  | "corrupt"
  | "digest-mismatch"
  /** No store takes so many bytes. */
  | "too-large"
  | "unavailable";

export class PayloadError extends Error {
  override readonly name = "PayloadError";
  readonly kind: PayloadErrorKind;
  readonly digest: Digest | undefined;
  constructor(kind: PayloadErrorKind, message: string, digest?: Digest, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.digest = digest;
  }
}

/** What the engine does with payloads: its values have the media type `application/json`. */
export interface EngineValues {
  /** True when some store takes a value of so many bytes. */
  accepts(bytes: number): boolean;
  /** Resolves when all of them are durable and safe from the sweeper for the grace period. @throws {PayloadError} */
  store(tenant: string, values: readonly Value[]): Promise<void>;
  /** The bytes of each, verified. @throws {PayloadError} for the first that cannot be had */
  load(tenant: string, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Buffer>>;
}

/** Methods reject with a {@link PayloadError}. */
export interface Payloads extends EngineValues {
  /** Small bodies of many callers go in one transaction. Resolves when it is durable. */
  keep(
    tenant: string,
    body: Buffer | AsyncIterable<Uint8Array>,
    options?: KeepOptions,
  ): Promise<Kept>;
  /**
   * The whole of a payload, verified; from memory where it can be. Undefined when there is none, and when it has more than `most`
   * bytes (64 MiB at the most, and unless given): `find` tells which.
   */
  read(
    tenant: string,
    digest: Digest,
    most?: number,
  ): Promise<{ readonly info: PayloadInfo; readonly bytes: Buffer } | undefined>;
  /** For payloads of any size. */
  open(tenant: string, digest: Digest, range?: ByteRange): Promise<OpenPayload | undefined>;
  find(tenant: string, digest: Digest): Promise<PayloadInfo | undefined>;
  /** @returns false when no user keeps it. What something refers to stays until nothing does. */
  release(tenant: string, digest: Digest): Promise<boolean>;
  /** Those that users keep, by digest. */
  list(
    tenant: string,
    page: { readonly after?: Digest; readonly limit: number },
  ): Promise<readonly PayloadInfo[]>;
  /** Reads every copy; one that is damaged or missing is written anew from one that is right. */
  verify(tenant: string, digest: Digest): Promise<Verified | undefined>;
}

/** Counters rise from the start of the process. */
export interface PayloadFigures {
  readonly kept: number;
  readonly released: number;
  /** Reads that memory answered, and those that the database was asked for. */
  readonly hits: number;
  readonly misses: number;
  /** Times that no copy was right, and copies written anew. */
  readonly corrupt: number;
  readonly repaired: number;
  /** As of now. */
  readonly cacheBytes: number;
}

export interface Verified extends PayloadInfo {
  readonly copies: readonly {
    /** `database` or the name of a store. */
    readonly store: string;
    readonly state: "right" | "damaged" | "missing" | "repaired";
  }[];
}
