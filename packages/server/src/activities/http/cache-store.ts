/**
 * Where cached responses are: in memory, bounded in bytes, the address unused for longest going first. (The store that comes
 * with undici 7 drops nothing while each address has one variant, so its memory has no bound.)
 */
import { Writable } from "node:stream";
import type { cacheStores } from "undici";

type Undici = InstanceType<typeof cacheStores.MemoryCacheStore>;
type Key = Parameters<Undici["get"]>[0];
type Value = Parameters<Undici["createWriteStream"]>[1];
type Found = Exclude<Awaited<ReturnType<Undici["get"]>>, undefined>;

interface Entry extends Value {
  readonly method: string;
  readonly body: readonly Buffer[];
  /** Bytes, headers included. */
  readonly weight: number;
}

export interface ResponseStore {
  get(key: Key): Found | undefined;
  /** Takes the body; the response is stored when it is complete, unless it is too large. */
  createWriteStream(key: Key, value: Value): Writable;
  delete(key: Key): void;
}

/** Answers of one address that differ by `Vary`, or by method. */
const MAX_VARIANTS = 16;
/** What an entry costs beside its body and headers, about. */
const OVERHEAD = 512;

/** @param maxBytes of everything; one response may take an eighth of it */
export function responseStore(maxBytes: number): ResponseStore {
  /** By address, least recently used first; variants oldest first. */
  const addresses = new Map<string, readonly Entry[]>();
  const largest = maxBytes / 8;
  let total = 0;
  const put = (address: string, entries: readonly Entry[]): void => {
    total -= weightOf(addresses.get(address) ?? []);
    addresses.delete(address);
    if (entries.length > 0) addresses.set(address, entries);
    total += weightOf(entries);
  };
  const keep = (key: Key, entry: Entry): void => {
    const address = addressOf(key);
    const others = addresses.get(address) ?? [];
    const rest = others.filter((other) => !matches(other, key) && other.deleteAt > Date.now());
    put(address, [...rest, entry].slice(-MAX_VARIANTS));
    for (const oldest of addresses.keys()) {
      if (total <= maxBytes) break;
      put(oldest, []);
    }
  };
  return {
    get(key) {
      const address = addressOf(key);
      const entries = addresses.get(address) ?? [];
      const found = entries.find((entry) => matches(entry, key) && entry.deleteAt > Date.now());
      if (found !== undefined) put(address, entries);
      return found && { cacheControlDirectives: {}, ...found, body: [...found.body] };
    },
    createWriteStream(key, value) {
      const body: Buffer[] = [];
      let weight = OVERHEAD + JSON.stringify(value.headers).length + key.path.length;
      return new Writable({
        write(chunk: Buffer, _, done) {
          weight += chunk.length;
          if (weight > largest) {
            body.length = 0;
            this.destroy();
          } else body.push(chunk);
          done();
        },
        final(done) {
          keep(key, { ...value, method: key.method, body, weight });
          done();
        },
      });
    },
    delete: (key) => put(addressOf(key), []),
  };
}

function addressOf({ origin, path }: Key): string {
  return `${origin} ${path}`;
}

function weightOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { weight }) => sum + weight, 0);
}

/** RFC 9111 section 4.1. */
function matches({ method, vary = {} }: Entry, key: Key): boolean {
  if (method !== key.method) return false;
  return Object.entries(vary).every(
    ([name, value]) => String(key.headers?.[name] ?? "") === String(value ?? ""),
  );
}
