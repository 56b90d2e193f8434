import type { Payload, PayloadList, VerifiedPayload } from "@millrace/protocol";
import { mismatch } from "./messages.ts";
import { everyRow } from "./pages.ts";
import { sha256, type Sha256 } from "./sha256.ts";
import type { Transport } from "./transport.ts";

/** Bytes in memory, a text (its UTF-8 bytes), or a stream of bytes. */
export type PayloadBody = string | Uint8Array | ReadableStream<Uint8Array>;

export interface PutOptions {
  /** `application/octet-stream` unless given; `text/plain; charset=utf-8` of a text. */
  readonly mediaType?: string;
  /** How long it is kept, such as `1h` or `PT1H`; until it is deleted unless given. */
  readonly ttl?: string;
  readonly signal?: AbortSignal;
}

export interface GetOptions {
  /**
   * Bytes `first` to `last`, both included, counted from 0; without `last`, to the end. Their digest is not checked.
   * Rejects with a RangeError for what is no range, and with `range-not-satisfiable` when it begins behind the last byte.
   */
  readonly range?: { readonly first: number; readonly last?: number };
  readonly signal?: AbortSignal;
}

export interface PayloadBytes {
  readonly mediaType: string;
  /** Fails with a {@link MillraceError} `digest-mismatch` at its end when the bytes are others than asked for. */
  readonly body: ReadableStream<Uint8Array>;
}

export interface PayloadFilter {
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/** `/v1/payloads`: bytes under their digest. Methods reject with a {@link MillraceError}. */
export class Payloads {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Resolves when the bytes are durable. The digest is computed on the way, and compared. What is in memory is sent again when a
   * connection fails; a stream cannot be.
   */
  async put(body: PayloadBody, { mediaType, ttl, signal }: PutOptions = {}): Promise<Payload> {
    const hash = sha256();
    const type = mediaType ?? (typeof body === "string" ? "text/plain; charset=utf-8" : undefined);
    const headers = type === undefined ? {} : { "content-type": type };
    const call = {
      method: "PUT",
      path: "/v1/payloads",
      query: { ttl },
      signal,
      held: Infinity,
    } as const;
    if (body instanceof ReadableStream) {
      const stream = body.pipeThrough(hashing(hash));
      const put = await this.#transport.json<Payload>({ ...call, headers, body: stream });
      const found = hash.hex();
      if (found !== put.digest) throw mismatch(put.digest, found);
      return put;
    }
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    hash.update(bytes);
    const digest = { "content-digest": `sha-256=:${base64(hash.hex())}:` };
    return this.#transport.json({ ...call, headers: { ...headers, ...digest }, body: bytes });
  }

  /** The bytes as a stream. */
  async get(digest: string, { range, signal }: GetOptions = {}): Promise<PayloadBytes> {
    const part = range && { range: rangeField(range) };
    const response = await this.#transport.open({
      method: "GET",
      path: addressOf(digest),
      headers: { accept: "*/*", ...part },
      held: Infinity,
      signal,
    });
    const mediaType = response.headers.get("content-type") ?? "application/octet-stream";
    const given = response.body ?? new Blob([]).stream();
    if (response.status === 206) return { mediaType, body: given };
    return { mediaType, body: given.pipeThrough(hashing(sha256(), digest)) };
  }

  /** All the bytes at once. */
  async bytes(digest: string, options: GetOptions = {}): Promise<Uint8Array> {
    const { body } = await this.get(digest, options);
    return new Uint8Array(await new Response(body).arrayBuffer());
  }

  /** Everything that is known of it but its bytes. */
  describe(digest: string): Promise<Payload> {
    return this.#transport.json({ method: "GET", path: `${addressOf(digest)}/info` });
  }

  /** Reads every copy; one that is damaged or missing is written anew from one that is right. */
  verify(digest: string): Promise<VerifiedPayload> {
    return this.#transport.json({
      method: "POST",
      path: `${addressOf(digest)}/verify`,
      held: Infinity,
    });
  }

  /** Everything that users keep, by digest. */
  list(filter: PayloadFilter = {}): AsyncGenerator<Payload, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: PayloadFilter & { readonly cursor?: string } = {}): Promise<PayloadList> {
    return this.#transport.json({ method: "GET", path: "/v1/payloads", query: { ...filter } });
  }

  /** What an instance refers to stays until nothing does. */
  async delete(digest: string): Promise<void> {
    await this.#transport.delete(addressOf(digest));
  }
}

function addressOf(digest: string): string {
  return `/v1/payloads/${encodeURIComponent(digest)}`;
}

/** A server answers what is no range with the whole. */
function rangeField({ first, last }: NonNullable<GetOptions["range"]>): string {
  const bounds = last === undefined ? [first] : [first, last];
  const isRange = bounds.every(Number.isSafeInteger) && first >= 0 && (last ?? first) >= first;
  if (isRange) return `bytes=${first}-${last ?? ""}`;
  throw new RangeError(
    `range: expected whole numbers 0 <= first <= last, not ${first} and ${last}`,
  );
}

/** Lets bytes through and adds them to the hash, which is compared at their end when there is something to compare it with. */
function hashing(hash: Sha256, expected?: string): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      hash.update(chunk);
      controller.enqueue(chunk);
    },
    flush() {
      if (expected === undefined) return;
      const found = hash.hex();
      if (found !== expected) throw mismatch(expected, found);
    },
  });
}

function base64(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return btoa(bytes.map((byte) => String.fromCharCode(Number.parseInt(byte, 16))).join(""));
}
