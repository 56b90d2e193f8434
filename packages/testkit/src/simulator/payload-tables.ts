/**
 * The catalogue of payloads in memory: what is stored, and who refers to it. Each question is answered at one instant; as the
 * foreign key of the real one has it, nobody can refer to what is not there.
 */
import {
  type EngineValues,
  fillRecord,
  PayloadError,
  type PayloadRefRow,
  takeRefs,
} from "@millrace/server/ports";

type Value = Parameters<EngineValues["store"]>[1][number];

export interface StoredPayload extends Value {
  readonly tenant: string;
  /** Epoch milliseconds of the database. */
  readonly touchedAt: number;
}
export interface StoredRef extends PayloadRefRow {
  readonly at: number;
}

export class PayloadTables {
  /** By tenant and digest. */
  readonly stored = new Map<string, StoredPayload>();
  /** By holder and digest. */
  readonly refs = new Map<string, StoredRef>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  store(tenant: string, values: readonly Value[]): void {
    for (const { digest, bytes } of values)
      this.stored.set(nameOf({ tenant, digest }), {
        tenant,
        digest,
        bytes,
        touchedAt: this.#now(),
      });
  }

  /** @throws {PayloadError} `missing` */
  load(tenant: string, digests: readonly string[]): ReadonlyMap<string, Buffer> {
    return new Map(digests.map((digest) => [digest, this.#bytes(tenant, digest)]));
  }

  #bytes(tenant: string, digest: string): Buffer {
    const found = this.stored.get(nameOf({ tenant, digest }));
    if (found === undefined) throw new PayloadError("missing", `there is no ${digest}`, digest);
    return found.bytes;
  }

  /** What a row refers to and is not there. */
  missing(refs: readonly PayloadRefRow[]): PayloadRefRow | undefined {
    return refs.find((ref) => !this.stored.has(nameOf(ref)));
  }

  refer(refs: readonly PayloadRefRow[]): void {
    for (const ref of refs) {
      const name = `${ref.holder} ${ref.digest}`;
      // Rises also when the clock was set back.
      const before = this.refs.get(name)?.at ?? Number.NEGATIVE_INFINITY;
      this.refs.set(name, { ...ref, at: Math.max(this.#now(), before + 1) });
    }
  }

  /** A record as it was before large values were split off. @throws {PayloadError} `missing` */
  whole(tenant: string, text: string): object {
    const record = JSON.parse(text) as object;
    const refs = takeRefs(record);
    fillRecord(record, refs, (digest) => JSON.parse(this.#bytes(tenant, digest).toString("utf8")));
    return record;
  }
}

function nameOf({ tenant, digest }: Pick<PayloadRefRow, "tenant" | "digest">): string {
  return `${tenant}/${digest}`;
}
