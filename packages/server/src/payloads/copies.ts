/**
 * Reads payloads where the catalogue says they are, from whichever copy is right, and writes damaged or missing ones anew from one
 * that is. A payload of which no copy is right is a `corrupt` or `missing` one: said loudly, each time.
 */
import { hash } from "node:crypto";
import { Readable } from "node:stream";
import type { Logger } from "../logger.ts";
import { BlobError, type ByteRange } from "./blob-store.ts";
import type { Catalog, PayloadRow, Place } from "./catalog.ts";
import { explained } from "./outage.ts";
import { type Digest, PayloadError, type Verified } from "./payloads.ts";
import { readableOf } from "./readable.ts";
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

/** The copies of a payload, one after the other. */
interface Walk {
  readonly row: PayloadRow;
  readonly left: Copy[];
  /** What was wrong with those before; and the first that could not be asked. */
  readonly faults: Fault[];
  outage?: unknown;
}

export class Copies {
  readonly #parts: CopiesParts;
  readonly #repairs = new Map<string, Promise<void>>();
  /** Payloads found damaged or missing, and copies written anew. */
  readonly figures = { corrupt: 0, repaired: 0 };

  constructor(parts: CopiesParts) {
    this.#parts = parts;
  }

  /**
   * The bytes asked for; of a whole payload the last ones come only when the digest is right. A copy that fails half-way is followed
   * by the next one, from there on.
   */
  async open(row: PayloadRow, range?: ByteRange): Promise<Readable> {
    const walk = walkOf(row);
    let at = range?.first ?? 0;
    const end = Math.min(range?.last ?? row.size, row.size - 1) + 1;
    const next = (): Promise<Readable> => {
      const rest = range === undefined && at === 0 ? undefined : { first: at, last: end - 1 };
      return this.#next(walk, async (copy) => (await this.#get(row, copy, rest)) ?? "missing");
    };
    let source = await next();
    let isLeft = false;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (;;) {
        try {
          for await (const chunk of source as AsyncIterable<Uint8Array>) {
            at += chunk.byteLength;
            yield chunk;
          }
          if (at < end) walk.faults.push("damaged");
        } catch (error) {
          if (isLeft) throw error;
          note(walk, error);
        }
        if (at >= end) return;
        source = await next();
        if (isLeft) source.destroy();
      }
    }
    const bytes =
      range === undefined ? verified(chunks(), row.digest, () => this.#misread(row)) : chunks();
    return readableOf(bytes, () => {
      isLeft = true;
      source.destroy();
    });
  }

  /** The whole of it, verified. */
  whole(row: PayloadRow): Promise<Buffer> {
    return this.#next(walkOf(row), (copy) => this.#bytes(row, copy));
  }

  /** Reads every copy, and writes anew what is not right. @throws {PayloadError} `unavailable` */
  async verify(row: PayloadRow): Promise<Verified["copies"]> {
    const states: { copy: Copy; state: "right" | Fault | "repaired" }[] = [];
    const faults: Fault[] = [];
    for (const copy of copiesOf(row)) {
      const state = await this.#check(row, copy);
      states.push({ copy, state });
      if (state !== "right") faults.push(state);
    }
    const right = states.find(({ state }) => state === "right");
    if (right === undefined) this.#hopeless(row, faults);
    else
      for (const each of states)
        if (each.state !== "right" && (await this.#repair(row, each.copy, right.copy)))
          each.state = "repaired";
    return states.map(({ copy, state }) => ({ store: nameOf(copy), state }));
  }

  /** What `look` finds in the first of the copies left that is right, as far as it can tell. @throws {PayloadError} */
  async #next<T extends Buffer | Readable>(
    walk: Walk,
    look: (copy: Copy) => Promise<T | Fault>,
  ): Promise<T> {
    const { row, left, faults } = walk;
    for (let copy = left.shift(); copy !== undefined; copy = left.shift()) {
      try {
        const found = await look(copy);
        if (typeof found === "string") faults.push(found);
        else {
          if (faults.length > 0) this.#repairLater(row);
          return found;
        }
      } catch (error) {
        note(walk, error);
      }
    }
    if (walk.outage !== undefined) throw walk.outage;
    throw this.#hopeless(row, faults);
  }

  /** A stream did not have the digest. The next who asks gets it from a copy that is right, if there is one. */
  #misread(row: PayloadRow): PayloadError {
    if (copiesOf(row).length === 1) return this.#hopeless(row, ["damaged"]);
    this.#repairLater(row);
    return corrupt(row.digest);
  }

  /** As it is stored; undefined when it is not. */
  async #get(row: PayloadRow, copy: Copy, range?: ByteRange): Promise<Readable | undefined> {
    if (copy !== "row") return this.#parts.stores.at(copy).get(copy.location, range);
    const bytes = range ? row.body?.subarray(range.first, range.last + 1) : row.body;
    return bytes && Readable.from([bytes], { objectMode: false });
  }

  async #bytes(row: PayloadRow, copy: Copy): Promise<Buffer | Fault> {
    const stream = await this.#get(row, copy);
    if (stream === undefined) return "missing";
    const bytes = await collect(stream);
    return hash("sha256", bytes, "hex") === row.digest ? bytes : "damaged";
  }

  async #check(row: PayloadRow, copy: Copy): Promise<"right" | Fault> {
    try {
      const stream = await this.#get(row, copy);
      if (stream === undefined) return "missing";
      for await (const _ of verified(stream, row.digest));
      return "right";
    } catch (error) {
      if (isDamage(error)) return "damaged";
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
              await uploads.copy(this.#source(row, good), stores.at(bad).name, row.size),
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

  /** Opened when it is read. */
  async *#source(row: PayloadRow, copy: Copy): AsyncGenerator<Uint8Array> {
    const stream = await this.#get(row, copy);
    if (stream === undefined) throw corrupt(row.digest);
    yield* verified(stream, row.digest);
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

function isDamage(error: unknown): boolean {
  if (error instanceof PayloadError) return error.kind === "corrupt";
  return error instanceof BlobError && error.kind === "damaged";
}

/** What a copy failed with. */
function note(walk: Walk, error: unknown): void {
  if (isDamage(error)) walk.faults.push("damaged");
  else walk.outage ??= asPayloadError(error);
}

function walkOf(row: PayloadRow): Walk {
  return { row, left: [...copiesOf(row)], faults: [] };
}

function missing(digest: Digest): PayloadError {
  return new PayloadError("missing", `the stored bytes of ${digest} are gone`, digest);
}

const nameOf = (copy: Copy): string => (copy === "row" ? "database" : copy.store);

function copiesOf({ place, mirror }: PayloadRow): readonly Copy[] {
  return mirror === undefined ? [place ?? "row"] : [place ?? "row", mirror];
}
