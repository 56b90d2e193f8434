/**
 * The sweeper's part in the stores: bytes that are left over are deleted there, what uploads of ended processes left half-done
 * is cleared away, and once a day somebody looks whether a store holds blobs that nothing here knows.
 *
 * Of the last there should be none. They are said and counted, and not deleted: a catalogue that was restored from a backup, or
 * the wrong one, knows of nothing that came later, and deleting it would make what can be mended final.
 */
import { backoff } from "../owner/backoff.ts";
import { BlobError, type BlobStore } from "./blob-store.ts";
import type { Leftover } from "./sweep-store.ts";
import type { Mutable, SweeperConfig, SweeperFigures } from "./sweeper.ts";

/** Leftovers taken at a time, how many times in a pass, and how many are deleted at the same time. */
const CHUNK = 200;
const MOST = 50;
const AT_ONCE = 8;
/** Milliseconds until what was taken and not deleted is due again: by then whoever took it has ended. */
const AGAIN = 600_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Pauses of a store that is away grow up to 200 times those of other services: to some minutes. */
const PATIENCE = 200;
const KEYS = 1_000;
/** Keys that a line of the log names. */
const NAMED = 5;

type Figures = Mutable<SweeperFigures>;

/** @returns what a pass does, in order */
export function storeSweeper(
  config: SweeperConfig,
  figures: Figures,
): readonly (() => Promise<void>)[] {
  const reach = new Reach(config);
  return [
    () => deleteLeftovers(config, reach, figures),
    tidier(config, reach),
    () => lookThrough(config, reach, figures),
  ];
}

/** Which stores can be used just now. */
class Reach {
  readonly #blobs: ReadonlyMap<string, BlobStore>;
  /** `until` on the monotonic clock. */
  readonly #away = new Map<string, { readonly failures: number; readonly until: number }>();
  readonly #config: SweeperConfig;

  constructor(config: SweeperConfig) {
    this.#config = config;
    this.#blobs = new Map(config.blobs.map((each) => [each.name, each]));
  }

  get there(): readonly BlobStore[] {
    return [...this.#blobs.values()].filter(({ name }) => this.find(name) !== undefined);
  }

  find(name: string): BlobStore | undefined {
    const until = this.#away.get(name)?.until ?? 0;
    return until <= this.#config.clock.monotonic() ? this.#blobs.get(name) : undefined;
  }

  failed(name: string, error: unknown): void {
    const { clock, log, random } = this.#config;
    const failures = (this.#away.get(name)?.failures ?? 0) + 1;
    const pause = Math.min(AGAIN, backoff(failures, random) * Math.min(failures, PATIENCE));
    this.#away.set(name, { failures, until: clock.monotonic() + pause });
    log.warn({ err: error, store: name }, "a store of payloads cannot be swept");
  }

  answered(name: string): void {
    if (this.find(name) !== undefined) this.#away.delete(name);
  }
}

async function deleteLeftovers(
  config: SweeperConfig,
  reach: Reach,
  figures: Figures,
): Promise<void> {
  for (let done = 0; done < MOST; done += 1) {
    const names = reach.there.map(({ name }) => name);
    if (names.length === 0) return;
    const taken = await config.store.takeLeftovers(names, AGAIN, CHUNK);
    const deleted: Leftover[] = [];
    for (let from = 0; from < taken.length; from += AT_ONCE) {
      const some = taken.slice(from, from + AT_ONCE);
      const removed = await Promise.all(some.map((each) => remove(each, config, reach)));
      deleted.push(...some.filter((_, index) => removed[index]));
    }
    if (deleted.length > 0) await config.store.forgetLeftovers(deleted);
    figures.leftovers += deleted.length;
    for (const name of new Set(deleted.map(({ store }) => store))) reach.answered(name);
    if (taken.length < CHUNK) return;
  }
}

/** @returns true when it is deleted. After a failure of its store the others of that store wait. */
async function remove(
  { store: name, location }: Leftover,
  { log }: SweeperConfig,
  reach: Reach,
): Promise<boolean> {
  const blob = reach.find(name);
  if (blob === undefined) return false;
  try {
    await blob.delete(location);
    return true;
  } catch (error) {
    if (error instanceof BlobError && error.kind === "refused")
      log.error({ err: error, store: name, location }, "a blob left over cannot be deleted");
    else reach.failed(name, error);
    return false;
  }
}

/** Once an hour, on every server: what is half-done may be on its own disk. */
function tidier({ clock, log }: SweeperConfig, reach: Reach): () => Promise<void> {
  let next = 0;
  return async () => {
    if (clock.monotonic() < next) return;
    next = clock.monotonic() + HOUR;
    for (const each of reach.there) {
      try {
        const cleared = await each.tidy(DAY);
        if (cleared > 0) log.info({ store: each.name, cleared }, "uploads half-done were cleared");
      } catch (error) {
        reach.failed(each.name, error);
      }
    }
  };
}

async function lookThrough(config: SweeperConfig, reach: Reach, figures: Figures): Promise<void> {
  for (const blob of reach.there) {
    const { name } = blob;
    if (!(await config.store.beginRound(`look ${name}`, DAY))) continue;
    try {
      const { blobs, bytes, keys } = await unknownIn(blob, config);
      figures.unknown = new Map(figures.unknown).set(name, blobs);
      if (blobs === 0) continue;
      config.log.warn(
        { store: name, blobs, bytes, keys },
        "a store holds blobs that nothing here knows; they are left alone",
      );
    } catch (error) {
      reach.failed(name, error);
    }
  }
}

interface Unknown {
  blobs: number;
  bytes: number;
  /** Of some of them. */
  readonly keys: string[];
}

async function unknownIn(blob: BlobStore, { store }: SweeperConfig): Promise<Unknown> {
  const unknown: Unknown = { blobs: 0, bytes: 0, keys: [] };
  let listed = new Map<string, number>();
  const ask = async (): Promise<void> => {
    const known = await store.knownLocations(blob.name, [...listed.keys()]);
    for (const [key, size] of listed) {
      if (known.has(key)) continue;
      // What was deleted since it was listed is known to nobody either.
      if (unknown.blobs < KEYS && !(await exists(blob, key))) continue;
      unknown.blobs += 1;
      unknown.bytes += size;
      if (unknown.keys.length < NAMED) unknown.keys.push(key);
    }
    listed = new Map();
  };
  for await (const { key, size } of blob.list()) {
    listed.set(key, size);
    if (listed.size >= KEYS) await ask();
  }
  await ask();
  return unknown;
}

async function exists(blob: BlobStore, key: string): Promise<boolean> {
  const body = await blob.get(key);
  body?.destroy();
  return body !== undefined;
}
