/**
 * Payloads that are not in the catalogue's row alone: their way into stores, out of them, and back to health.
 *
 * An upload: (1) its places are noted as leftovers, due in a day; (2) the bytes go to their stores and are digested on the way;
 * (3) one transaction enters them into the catalogue and takes the note away. After a crash anywhere the sweeper finds the note.
 * A body may also come small, and with a mirror: then the row has the bytes, and the mirror's place goes the same way.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { BlobError, newKey } from "./blob-store.ts";
import type { Catalog, Entered, Place } from "./catalog.ts";
import { type Digest, type KeepOptions, OCTETS, PayloadError } from "./payloads.ts";
import { explained } from "./outage.ts";
import type { Stores } from "./stores.ts";
import type { Tier } from "./tiers.ts";
import { tooLarge, transfer, type Transferred } from "./transfer.ts";

export interface UploadParts {
  readonly catalog: Catalog;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface UploadOptions extends KeepOptions {
  /** A user keeps it. */
  readonly kept: boolean;
}

/** `small`: it belongs in the row alone, and was not entered. */
export type Uploaded =
  | { readonly small: Buffer; readonly entered?: undefined }
  | { readonly small?: undefined; readonly entered: Entered };

/** Milliseconds until a place that no upload puts off any more is swept, and between those times. */
const DUE = 24 * 3_600_000;
const AGAIN = 3_600_000;

export class Uploads {
  readonly #parts: UploadParts;

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  async put(
    tenant: string,
    body: Buffer | AsyncIterable<Uint8Array>,
    options: UploadOptions,
  ): Promise<Uploaded> {
    const { stores } = this.#parts;
    const given = Buffer.isBuffer(body)
      ? { whole: body }
      : await begin(body, stores.rowsBelow, options);
    const { whole } = given;
    const size = whole?.length ?? options.size;
    const tier = stores.tier(size);
    if (tier === undefined) throw tooLarge(size ?? 0);
    if (options.size !== undefined && whole !== undefined && whole.length !== options.size)
      throw new Error(`${options.size} bytes were declared, and ${whole.length} came`);
    if (whole !== undefined && stores.isSmall(whole.length)) return { small: whole };
    if (whole === undefined && tier.store === "database") throw tooLarge(size ?? tier.below);
    const source = whole === undefined ? given.rest : pieces(whole);
    const sized = size === undefined ? options : { ...options, size };
    return { entered: await this.#upload(tenant, source, tier, sized, whole) };
  }

  async #upload(
    tenant: string,
    body: AsyncIterable<Uint8Array>,
    tier: Tier,
    options: UploadOptions,
    whole: Buffer | undefined,
  ): Promise<Entered> {
    const { catalog, stores } = this.#parts;
    const inRow = tier.store === "database";
    const { mirror } = stores;
    const place = inRow ? undefined : { store: tier.store, location: newKey() };
    const second =
      mirror === undefined || mirror.name === tier.store
        ? undefined
        : { store: mirror.name, location: newKey() };
    const places = [place, second].filter((each) => each !== undefined);
    const { digest, size } = await this.#transfer(body, places, tier, options);
    return explained(
      catalog.enter({
        tenant,
        digest,
        size,
        mediaType: options.mediaType ?? OCTETS,
        kept: options.kept,
        ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
        ...(inRow && whole !== undefined ? { body: whole } : {}),
        ...(place === undefined ? {} : { place }),
        ...(second === undefined ? {} : { mirror: second }),
      }),
    );
  }

  async #transfer(
    body: AsyncIterable<Uint8Array>,
    places: readonly Place[],
    { below }: Tier,
    { size, signal, expected }: UploadOptions,
  ): Promise<Transferred> {
    const { catalog, stores } = this.#parts;
    const targets = places.map((place) => ({ store: stores.at(place), key: place.location }));
    await explained(catalog.expect(places, DUE));
    const end = this.#putOff(places);
    try {
      const done = await transfer(body, targets, { size, signal, below });
      if (expected !== undefined && expected !== done.digest) throw mismatch(expected, done.digest);
      return done;
    } catch (error) {
      await this.abandon(places);
      throw asPayloadError(error);
    } finally {
      end();
    }
  }

  /** As long as an upload goes on, its places are not left over. */
  #putOff(places: readonly Place[]): () => void {
    const { catalog, clock, log } = this.#parts;
    const again = (): void => {
      cancel = clock.after(AGAIN, again);
      catalog
        .expect(places, DUE)
        .catch((error: unknown) => log.warn({ err: error }, "an upload could not be prolonged"));
    };
    let cancel = clock.after(AGAIN, again);
    return () => cancel();
  }

  /** What cannot be deleted now is the sweeper's. */
  async abandon(places: readonly Place[]): Promise<void> {
    const { catalog, stores, log } = this.#parts;
    try {
      await Promise.all(places.map((place) => stores.at(place).delete(place.location)));
      await catalog.forget(places);
    } catch (error) {
      log.warn({ err: error, places }, "a broken upload is left for the sweeper");
      await catalog.expect(places, 0).catch(() => {});
    }
  }

  /** A copy of a payload, made from one that is right. */
  async copy(body: AsyncIterable<Uint8Array>, store: string, size: number): Promise<Place> {
    const place = { store, location: newKey() };
    const tier = { store: "database" as const, below: Number.POSITIVE_INFINITY };
    await this.#transfer(body, [place], tier, { size, kept: false });
    return place;
  }
}

type Begun =
  | { readonly whole: Buffer }
  | { readonly whole?: undefined; readonly rest: AsyncIterable<Uint8Array> };

/** Reads as much as a row may have; what is longer comes as a stream that begins with it. */
async function begin(
  body: AsyncIterable<Uint8Array>,
  rowsBelow: number,
  { size }: KeepOptions,
): Promise<Begun> {
  if (rowsBelow === 0 || (size !== undefined && size >= rowsBelow)) return { rest: body };
  const chunks: Uint8Array[] = [];
  const iterator = body[Symbol.asyncIterator]();
  let seen = 0;
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return { whole: Buffer.concat(chunks) };
    chunks.push(value);
    seen += value.byteLength;
    if (seen >= rowsBelow) return { rest: continued(chunks, iterator) };
  }
}

async function* continued(
  chunks: Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

const PIECE = 256 * 1024;

/** In pieces that no store has to hold twice. */
export async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

export function mismatch(expected: Digest, digest: Digest): PayloadError {
  return new PayloadError(
    "digest-mismatch",
    `the bytes that came have the digest ${digest}, not ${expected}`,
    digest,
  );
}

/** What a store says, as the service does. */
export function asPayloadError(error: unknown): unknown {
  if (!(error instanceof BlobError)) return error;
  return new PayloadError("unavailable", error.message, undefined, error);
}
