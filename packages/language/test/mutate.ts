/** Deterministic small changes to JSON documents, most of which make them invalid. */

type Json = unknown;
type Holder = Record<string | number, Json>;

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// biome-ignore format: a pool of values, a kind a line
const VALUES: readonly Json[] = [
  null, true, false, 0, -1, 1.5, 42, 70000, [], {}, [1], ["a"], [{}], { a: 1 }, { use: "x" },
  "", "a", "a b", "${ .x }", " ${ .x } ", "${ .x }y", "${", "${}", "P1Y", "P", "PT", "PT1S", "P1W",
  "1.0", "1.0.0", "01.0.0", "-a", "a-", "/a/b", "a/~2", "https://a b", "https://x/{id}", "//x", "#",
  "http://[::1]/x", "{a", "x%zz", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+01:00", "end",
  "http", "grpc", "all", "client_credentials", "eventually", "data", "strict", "kafka", "stdout",
  { seconds: 1 }, { seconds: 1.5 }, { after: "PT1S" }, { uri: "https://x" }, { endpoint: "https://x" },
  { one: { with: { type: "t" } } }, { basic: { username: "u", password: "p" } },
  [{ a: { set: { a: 1 } } }], [{ a: { set: { a: 1 } }, b: { set: { a: 1 } } }],
];
// biome-ignore format: a pool of names
const KEYS = [
  "bogus", "call", "do", "for", "fork", "set", "try", "catch", "wait", "with", "then", "use", "read",
  "basic", "bearer", "operation", "channel", "message", "subscription", "http", "stdio", "code",
  "source", "after", "until", "all", "any", "one", "amount", "document", "resource", "constant",
];

/** A changed copy: one to three changes. */
export function mutate(original: object, next: () => number): object {
  const copy = { root: structuredClone(original) };
  const changes = 1 + Math.floor(next() * next() * 3);
  for (let i = 0; i < changes; i += 1) change(copy.root, next);
  return copy.root;
}

function pick<T>(items: readonly T[], next: () => number): T {
  return items[Math.floor(next() * items.length)] as T;
}

function change(root: object, next: () => number): void {
  const places = holders(root);
  const holder = pick(places, next);
  const keys = Object.keys(holder);
  const key = keys.length === 0 ? "bogus" : pick(keys, next);
  const value = (): Json => structuredClone(pick(VALUES, next));
  switch (Math.floor(next() * 6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case 1:
      if (Array.isArray(holder)) holder.push(value());
      else holder[pick(KEYS, next)] = value();
      return;
    case 2:
      holder[key] = structuredClone(pick(places, next));
      return;
    case 3:
      if (Array.isArray(holder)) return;
      holder[`${key}x`] = holder[key];
      delete holder[key];
      return;
    default:
      holder[key] = value();
  }
}

/** Every object and list of a document. */
function holders(value: Json): Holder[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Holder, ...Object.values(value).flatMap(holders)];
}
