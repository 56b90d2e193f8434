/** Records with large values, as they were read: made whole before anybody looks at them. */
import { type Digest, type EngineValues, PayloadError, type Value } from "./payloads.ts";
import { fill, type Known, LARGE, NONE, type Ref, type SpillRules, takeRefs } from "./spill.ts";

/** Where large values go. */
export interface LargeStore {
  readonly values: EngineValues;
  readonly rules: SpillRules;
}

export function largeStore(values: EngineValues): LargeStore {
  return { values, rules: { limit: LARGE, accepts: (bytes) => values.accepts(bytes) } };
}

/** A record whose large values are still to be loaded. */
export interface Parted {
  /** As parsed, without its references. */
  readonly record: object;
  /** None once it is whole. */
  refs: readonly Ref[];
  /** Its large values by identity, once it is whole. */
  known: Known;
}

/** Undefined for a record that is whole. */
export function partedOf(record: object): Parted | undefined {
  const refs = takeRefs(record);
  return refs.length === 0 ? undefined : { record, refs, known: NONE };
}

/** Bytes that are to be loaded. */
export function missingBytes(parted: readonly Parted[]): number {
  let bytes = 0;
  for (const { refs } of parted) for (const ref of refs) bytes += ref.bytes;
  return bytes;
}

/** Makes all of them whole, or none. @throws {PayloadError} */
export async function makeWhole(
  values: EngineValues | undefined,
  tenant: string,
  parted: readonly Parted[],
): Promise<void> {
  const digests = new Set(parted.flatMap(({ refs }) => refs.map(({ digest }) => digest)));
  if (digests.size === 0) return;
  if (values === undefined)
    throw new PayloadError("unavailable", "a large value is stored, and this process has no store");
  const bytes = await values.load(tenant, [...digests]);
  // One value that stands in several places is one in memory too.
  const parsed = new Map([...digests].map((digest) => [digest, parsedValue(digest, bytes)]));
  for (const each of parted) {
    // Another loading of the same may have ended meanwhile.
    if (each.refs.length === 0) continue;
    each.known = fill(each.record, each.refs, (digest) => parsed.get(digest));
    each.refs = [];
  }
}

function parsedValue(digest: Digest, bytes: ReadonlyMap<Digest, Buffer>): unknown {
  const found = bytes.get(digest);
  if (found === undefined) throw new PayloadError("missing", `there is no ${digest}`, digest);
  return JSON.parse(found.toString("utf8"));
}

/** A record as it was before it was written, of its text. @throws {PayloadError} */
export async function readParted(
  values: EngineValues | undefined,
  tenant: string,
  text: string,
): Promise<Pick<Parted, "record" | "known">> {
  const record = JSON.parse(text) as object;
  const parted = partedOf(record);
  if (parted === undefined) return { record, known: NONE };
  await makeWhole(values, tenant, [parted]);
  return parted;
}

/** Stores what a batch brings, by tenant and digest. @throws {PayloadError} */
export async function storeAll(
  values: EngineValues | undefined,
  fresh: ReadonlyMap<string, ReadonlyMap<Digest, Value>>,
): Promise<void> {
  for (const [tenant, of] of fresh) await values?.store(tenant, [...of.values()]);
}
