/**
 * Reads payloads where the catalogue says they are, from whichever copy is right, and writes damaged or missing ones anew from one
 * that is. A payload of which no copy is right is a `corrupt` or `missing` one: said loudly, each time.
 */
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import type { Logger } from "../logger.ts";
import type { ByteRange } from "./blob-store.ts";
import type { Catalog, PayloadRow, Place } from "./catalog.ts";
import { explained } from "./outage.ts";
import { type Digest, PayloadError, type Verified } from "./payloads.ts";
import type { Stores } from "./stores.ts";
import { collect, corrupt, verified } from "./transfer.ts";
import { asPayloadError, type Uploads } from "./uploads.ts";

export interface CopiesParts {
  readonly catalog: Catalog;
  readonly stores: Stores;
  readonly uploads: Uploads;
  readonly log: Logger;
}

type Fault = "damaged" | "missing";
/** In the row, or in a store. */
type Copy = Place | "row";

export class Copies {
  readonly #parts: CopiesParts;
  readonly #repairs = new Map<string, Promise<void>>();
  /** Payloads found damaged or missing, and copies written anew. */
  readonly figures = { corrupt: 0, repaired: 0 };

  constructor(parts: CopiesParts) {
    this.#parts = parts;
  }

  /** The bytes asked for; of a whole payload the last ones come only when the digest is right. */
  async open(row: PayloadRow, range?: ByteRange): Promise<Readable> {
    const { bytes, stream, faults } = await this.#first(row, range);
    if (faults.length > 0) this.#repairLater(row);
    const part = range && bytes ? bytes.subarray(range.first, range.last + 1) : bytes;
    if (part !== undefined) return Readable.from([part], { objectMode: false });
    const chunks = range === undefined ? verified(stream!, row.digest) : stream!;
    return Readable.from(this.#watched(row, chunks), { objectMode: false, highWaterMark: 1 });
  }

  /** The whole of it, verified. */
  async whole(row: PayloadRow): Promise<Buffer> {
    const faults: Fault[] = [];
    let outage: unknown;
    for (const copy of copiesOf(row)) {
      try {
        const bytes = await this.#bytes(row, copy);
        if (typeof bytes === "string") faults.push(bytes);
        else {
          if (faults.length > 0) this.#repairLater(row);
          return bytes;
        }
      } catch (error) {
        outage ??= error;
      }
    }
    if (outage !== undefined) throw outage;
    throw this.#hopeless(row, faults);
  }

  /** Reads every copy, and writes anew what is not right. @throws {PayloadError} `unavailable` */
  async verify(row: PayloadRow): Promise<Verified["copies"]> {
    const states: { copy: Copy; state: "right" | Fault | "repaired" }[] = [];
    for (const copy of copiesOf(row)) states.push({ copy, state: await this.#check(row, copy) });
    const right = states.find(({ state }) => state === "right");
    for (const each of states) {
      if (each.state === "right") continue;
      if (right === undefined) this.#hopeless(row, [each.state as Fault]);
      else if (await this.#repair(row, each.copy, right.copy)) each.state = "repaired";
    }
    return states.map(({ copy, state }) => ({ store: nameOf(copy), state }));
  }

  /** The first copy that is there. */
  async #first(
    row: PayloadRow,
    range: ByteRange | undefined,
  ): Promise<{ bytes?: Buffer; stream?: Readable; faults: readonly Fault[] }> {
    const faults: Fault[] = [];
    let outage: unknown;
    for (const copy of copiesOf(row)) {
      try {
        if (copy === "row") {
          const bytes = await this.#bytes(row, copy);
          if (typeof bytes !== "string") return { bytes, faults };
          faults.push(bytes);
          continue;
        }
        const stream = await this.#parts.stores.at(copy).get(copy.location, range);
        if (stream !== undefined) return { stream, faults };
        faults.push("missing");
      } catch (error) {
        outage ??= asPayloadError(error);
      }
    }
    if (outage !== undefined) throw outage;
    throw this.#hopeless(row, faults);
  }

  async *#watched(row: PayloadRow, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      if (!(error instanceof PayloadError) || error.kind !== "corrupt") throw asPayloadError(error);
      // The next who asks gets it from a copy that is right, if there is one.
      if (copiesOf(row).length > 1) this.#repairLater(row);
      else this.#hopeless(row, ["damaged"]);
      throw error;
    }
  }

  async #bytes(row: PayloadRow, copy: Copy): Promise<Buffer | Fault> {
    const { digest } = row;
    const bytes = copy === "row" ? row.body : await this.#collect(copy);
    if (bytes === undefined) return "missing";
    return hash("sha256", bytes, "hex") === digest ? bytes : "damaged";
  }

  async #collect(place: Place): Promise<Buffer | undefined> {
    try {
      const stream = await this.#parts.stores.at(place).get(place.location);
      return stream && (await collect(stream));
    } catch (error) {
      throw asPayloadError(error);
    }
  }

  async #check(row: PayloadRow, copy: Copy): Promise<"right" | Fault> {
    if (copy === "row") {
      const bytes = await this.#bytes(row, copy);
      return typeof bytes === "string" ? bytes : "right";
    }
    try {
      const stream = await this.#parts.stores.at(copy).get(copy.location);
      if (stream === undefined) return "missing";
      for await (const _ of verified(stream, row.digest));
      return "right";
    } catch (error) {
      if (error instanceof PayloadError && error.kind === "corrupt") return "damaged";
      throw asPayloadError(error);
    }
  }

  /** One at a time for each payload; whoever reads it meanwhile does not wait. */
  #repairLater(row: PayloadRow): void {
    const key = row.tenant + row.digest;
    if (this.#repairs.has(key)) return;
    const { log } = this.#parts;
    const work = this.verify(row)
      .then((copies) => log.debug({ digest: row.digest, copies }, "looked at every copy"))
      .catch((error: unknown) =>
        log.warn({ err: error, digest: row.digest }, "a copy was not repaired"),
      )
      .finally(() => this.#repairs.delete(key));
    this.#repairs.set(key, work);
  }

  /** Resolves when no repair is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#repairs.values());
  }

  async #repair(row: PayloadRow, bad: Copy, good: Copy): Promise<boolean> {
    const { catalog, stores, uploads, log } = this.#parts;
    const done =
      bad === "row"
        ? await this.#repairRow(row, good)
        : await explained(
            catalog.repair(
              row,
              bad,
              await uploads.copy(await this.#source(row, good), stores.at(bad).name, row.size),
            ),
          );
    if (!done) return false;
    this.figures.repaired += 1;
    const { tenant, digest } = row;
    const names = { from: nameOf(good), store: nameOf(bad) };
    log.warn({ tenant, digest, ...names }, "a damaged copy of a payload was written anew");
    return true;
  }

  async #repairRow(row: PayloadRow, good: Copy): Promise<boolean> {
    const bytes = await this.#bytes(row, good);
    if (typeof bytes === "string") return false;
    return explained(this.#parts.catalog.repair(row, undefined, bytes));
  }

  async #source(row: PayloadRow, copy: Copy): Promise<AsyncIterable<Uint8Array>> {
    if (copy === "row") return Readable.from([row.body!], { objectMode: false });
    const stream = await this.#parts.stores.at(copy).get(copy.location);
    if (stream === undefined) throw corrupt(row.digest);
    return verified(stream, row.digest);
  }

  /** Nothing has it. */
  #hopeless(row: PayloadRow, faults: readonly Fault[]): PayloadError {
    const { tenant, digest } = row;
    this.figures.corrupt += 1;
    const copies = copiesOf(row).map(nameOf);
    this.#parts.log.error({ tenant, digest, copies, faults }, "a payload is damaged or missing");
    return faults.includes("damaged") ? corrupt(digest) : missing(digest);
  }
}

function missing(digest: Digest): PayloadError {
  return new PayloadError("missing", `the stored bytes of ${digest} are gone`, digest);
}

const nameOf = (copy: Copy): string => (copy === "row" ? "database" : copy.store);

function copiesOf({ place, mirror }: PayloadRow): readonly Copy[] {
  return mirror === undefined ? [place ?? "row"] : [place ?? "row", mirror];
}
