import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { STATE } from "./shapes.ts";
import {
  fill,
  FLAT,
  isSmall,
  type Known,
  mentions,
  NONE,
  REFS,
  type Shape,
  spill,
  type Spilled,
  type SpillRules,
  STAYS,
  takeRefs,
  VALUE,
  withoutRefs,
} from "./spill.ts";

const rules = (limit: number, most = Number.POSITIVE_INFINITY): SpillRules => ({
  limit,
  accepts: (bytes) => bytes <= most,
});
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** What a store would have. */
function stored(...spilled: readonly Spilled[]): Map<string, string> {
  const kept = new Map<string, string>();
  for (const { fresh } of spilled)
    for (const { digest, bytes } of fresh) kept.set(digest, bytes.toString("utf8"));
  return kept;
}

function restored(text: string, kept: ReadonlyMap<string, string>): object {
  const record = JSON.parse(text) as object;
  fill(record, takeRefs(record), (digest) => JSON.parse(kept.get(digest) ?? "missing"));
  return record;
}

/** Every value below the structure, with its path. */
function* valuesOf(
  value: unknown,
  path: readonly (string | number)[],
): Iterable<readonly [readonly (string | number)[], unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value))
    yield* valuesOf(member, [...path, Array.isArray(value) ? Number(key) : key]);
}
function* below(
  record: object,
  shape: Shape,
  path: readonly (string | number)[] = [],
): ReturnType<typeof valuesOf> {
  for (const [key, value] of Object.entries(record)) {
    const at = [...path, Array.isArray(record) ? Number(key) : key];
    const inner = Object.hasOwn(shape, key) ? shape[key] : shape["*"];
    if (inner === undefined || typeof value !== "object" || value === null)
      yield* valuesOf(value, at);
    else yield* below(value as object, inner, at);
  }
}

/** Strings that make the sizes of JSON hard to tell: escapes, several bytes, halves of pairs; and one as long as it may be. */
const string = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 80 }),
  fc.constantFrom("\ud800", "\u0000".repeat(30), "é".repeat(60), "😀".repeat(20), "__proto__"),
);
const value = fc.jsonValue({ stringUnit: "binary", maxDepth: 5 });
const record = fc
  .dictionary(
    fc.string({ maxLength: 12 }),
    fc.oneof(value, string, fc.array(value), fc.array(string)),
    {
      maxKeys: 8,
    },
  )
  .map((each) => {
    const { [REFS]: _, ...rest } = each;
    return JSON.parse(JSON.stringify(rest)) as object;
  });
/** Bytes; no number or word has as many. */
const limit = fc.integer({ min: 32, max: 400 });

test("a record is again what it was, whatever was split off", () => {
  fc.assert(
    fc.property(record, limit, fc.integer({ min: 0, max: 2000 }), (given, most, largest) => {
      const before = structuredClone(given);
      const spilled = spill(given, rules(most, largest));
      assert.deepEqual(given, before);
      assert.deepEqual(restored(spilled.text, stored(spilled)), given);
      assert.equal(spilled.text, JSON.stringify(spilled.record));
      for (const { digest, bytes } of spilled.fresh)
        assert.equal(createHash("sha256").update(bytes).digest("hex"), digest);
    }),
    { numRuns: 1000 },
  );
});

test("nothing over the limit stays that a store would take, and nothing smaller goes", () => {
  fc.assert(
    fc.property(record, limit, fc.integer({ min: 0, max: 2000 }), (given, most, largest) => {
      const { text, refs } = spill(given, rules(most, largest));
      if (refs.length === 0 && isSmall(JSON.stringify(given), most)) return;
      const left = JSON.parse(text) as object;
      takeRefs(left);
      const gone = new Map(refs.map((ref) => [JSON.stringify(ref.path), ref]));
      const whole = (path: readonly (string | number)[]): unknown =>
        path.reduce<unknown>((at, key) => (at as never)[key], given);
      // What stays although it is larger is, as a whole, more than a store takes.
      for (const [path, value] of below(left, FLAT))
        if (bytesOf(value) > most) assert.ok(bytesOf(whole(path)) > largest, path.join("/"));
      for (const ref of gone.values()) {
        assert.equal(bytesOf(whole(ref.path)), ref.bytes);
        assert.ok(ref.bytes > most && ref.bytes <= largest);
      }
    }),
    { numRuns: 1000 },
  );
});

test("no reference stands inside a value that another refers to", () => {
  fc.assert(
    fc.property(record, limit, (given, most) => {
      const { refs, fresh } = spill(given, rules(most));
      const paths = refs.map(({ path }) => path);
      for (const [place, path] of paths.entries())
        for (const other of paths.slice(place + 1)) {
          const shorter = Math.min(path.length, other.length);
          assert.notDeepEqual(path.slice(0, shorter), other.slice(0, shorter));
        }
      for (const { bytes } of fresh) assert.equal(bytes.includes(`"${REFS}"`), false);
    }),
    { numRuns: 500 },
  );
});

test("what is too large without its large parts goes whole; else only they go", () => {
  const large = "x".repeat(200);
  const small = Array.from({ length: 9 }, (_, n) => `${n}`.repeat(9));
  const parts = (of: Spilled) => of.refs.map(({ path }) => path.join("/"));
  assert.deepEqual(parts(spill({ input: { scan: large, name: "a" } }, rules(100))), ["input/scan"]);
  assert.deepEqual(parts(spill({ input: { scan: large, small } }, rules(100))), [
    "input/scan",
    "input/small",
  ]);
  const many = Object.fromEntries(small.map((each, n) => [`k${n}`, each]));
  assert.deepEqual(parts(spill({ input: { scan: large, ...many } }, rules(100))), ["input"]);
  // The store takes the scan, and not the whole.
  assert.deepEqual(parts(spill({ input: { scan: large, ...many } }, rules(100, 250))), [
    "input/scan",
  ]);
});

test("what looks like a reference in a user's value stays one", () => {
  const given = {
    input: { [REFS]: [[["input"], "0".repeat(64), 5]], more: "y".repeat(99) },
    id: "i",
  };
  const spilled = spill(given, rules(60));
  assert.deepEqual(restored(spilled.text, stored(spilled)), given);
  assert.deepEqual(restored(spill(given, rules(10_000)).text, new Map()), given);
  const event = { id: "1", [REFS]: [[["data"], "0".repeat(64), 5]], data: null };
  assert.deepEqual(withoutRefs(event), { id: "1", data: null });
});

test("keys that reach for a prototype are keys", () => {
  const given = JSON.parse(`{"input":{"__proto__":{"a":"${"x".repeat(90)}"},"b":1}}`) as object;
  const spilled = spill(given, rules(50));
  const again = restored(spilled.text, stored(spilled)) as { input: object };
  assert.equal(JSON.stringify(again), JSON.stringify(given));
  assert.equal(Object.getPrototypeOf(again.input), Object.prototype);
});

test("structure stays, and what it holds goes one by one", () => {
  const frame = (n: number) => ({
    id: `${n}`,
    raw: { n, text: "x".repeat(50) },
    gathered: ["a", "b".repeat(90)],
  });
  const frames = Object.fromEntries([1, 2, 3].map((n) => [`${n}`, frame(n)]));
  const state = { id: "i", frames, held: [{ kind: "activity.completed", output: "z".repeat(80) }] };
  const spilled = spill(state, rules(60), { shape: STATE });
  assert.deepEqual(
    spilled.refs.map(({ path }) => path.join(".")),
    [1, 2, 3].flatMap((n) => [`frames.${n}.raw`, `frames.${n}.gathered.1`]).concat("held.0.output"),
  );
  assert.deepEqual(restored(spilled.text, stored(spilled)), state);
});

test("what is to stay stays, however large, and takes no value beside it along", () => {
  const text = "x".repeat(300);
  const shape: Shape = { "*": STAYS, spec: { "*": STAYS, input: VALUE } };
  const record = { v: [text], spec: { rules: { text }, input: { a: text, b: 1 } }, w: text };
  const spilled = spill(record, rules(200), { shape });
  assert.deepEqual(
    spilled.refs.map(({ path }) => path),
    [["spec", "input", "a"]],
  );
  assert.deepEqual(restored(spilled.text, stored(spilled)), record);
});

test("a value that is known is neither hashed nor looked at again", () => {
  const scan = { pages: Array.from({ length: 20 }, (_, n) => `page ${n}`) };
  const first = spill({ input: { scan }, seq: 1 }, rules(100));
  assert.equal(first.fresh.length, 1);
  // Nobody may read it.
  const watched = new Proxy(scan, {
    get: () => assert.fail("read"),
    ownKeys: () => assert.fail("read"),
  });
  const known: Known = new Map([[watched, [...first.values.values()][0] as never]]);
  const again = spill({ input: { scan: watched }, seq: 2, frames: [watched] }, rules(100), {
    known,
  });
  assert.deepEqual(again.fresh, []);
  assert.deepEqual(
    again.refs.map(({ path, digest }) => [path, digest]),
    [
      [["input", "scan"], first.refs[0]?.digest],
      [["frames", 0], first.refs[0]?.digest],
    ],
  );
  assert.equal(mentions({ input: [watched] }, rules(100), known), true);
  assert.equal(mentions({ input: [scan] }, rules(10_000), known), false);
  assert.equal(mentions({ input: [watched] }, rules(100), NONE), false);
});

test("equal values are stored once, wherever they stand", () => {
  const one = "x".repeat(99);
  const spilled = spill({ a: one, b: [one], c: `${"x".repeat(98)}x` }, rules(50));
  assert.equal(spilled.refs.length, 3);
  assert.equal(spilled.fresh.length, 1);
});

test("a deep value does not overflow the stack", () => {
  let deep: unknown = "x".repeat(300);
  for (let level = 0; level < 2000; level += 1) deep = level % 2 === 0 ? [deep] : { a: deep };
  const spilled = spill({ deep }, rules(200));
  assert.equal(JSON.stringify(restored(spilled.text, stored(spilled))), JSON.stringify({ deep }));
});
