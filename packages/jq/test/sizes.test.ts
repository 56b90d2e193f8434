/** Outputs are measured where a program can have multiplied their text, however it did so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "../src/index.ts";
import type { Json } from "../src/index.ts";

const BIG = "x".repeat(100_000);
const SIXTY = Array.from({ length: 60 }, (_, i): Json => ({ k: i, n: "y".repeat(i % 3) }));

/** Each puts 100,000 characters in sixty places, on an array of sixty small objects. */
const MULTIPLIES = [
  "[.[] | $big]",
  "map($big)",
  "map({v: $big})",
  "map([$big, 1])",
  "map([[$big]])",
  "map(. + {v: $big})",
  "map(.v = $big)",
  "map(.v |= $big)",
  ".[].v = $big",
  ".[].v |= $big",
  ".[].v += $big",
  "map_values($big)",
  "[.[] | select(.k >= 0) | {v: $big}]",
  "reduce .[] as $i ([]; . + [$big])",
  "reduce .[] as $i ({}; .[$i.k | tostring] = $big)",
  "map({key: (.k | tostring), value: $big}) | from_entries",
  "INDEX(.k) | with_entries(.value = $big)",
  "map(.n = $big) | sort_by(.k), group_by(.k), unique_by(.k)",
  "map({v: [$big]}) | map(.v) | add",
  "[.[] | {(.k | tostring): $big}] | add",
  "[limit(60; repeat($big))]",
  "[first($big), .[].n, map($big)[]]",
  'walk(if type == "number" then $big else . end)',
  "[.[] | if .k > 100 then . else $big end]",
  "[.[] | . as $i | $big]",
  "[.[] | (.k | tojson | error)? // $big]",
  "map({a: .k, b: {c: $big}})",
];

for (const source of MULTIPLIES) {
  test(`too much text: ${source}`, () => {
    const program = compile(source, { variables: ["big"] });
    assert.throws(() => program.first(SIXTY, { big: BIG }), { kind: "budget" });
    assert.notEqual(program.first(SIXTY, { big: "x" }), undefined);
  });
}

test("outputs that share a part are measured together", () => {
  const program = compile(".[] | $big", { variables: ["big"] });
  assert.throws(() => program.run(SIXTY, { big: BIG }), { kind: "budget" });
  assert.equal(program.run(SIXTY, { big: "x" }).length, 60);
});

test("many small values are measured too", () => {
  const limits = { outputBytes: 100_000 };
  for (const source of ["[range(50000)]", "[range(20000) | {a: .}]", "[range(30000) | tostring]"]) {
    assert.throws(() => compile(source, { limits }).first(null), { kind: "budget" }, source);
  }
  const numbers = compile("[range(5000)] | length", { limits });
  assert.equal(numbers.first(null), 5000);
});

test("changing one place of a large document is no reason to refuse it", () => {
  const large = { a: { b: 1 }, items: Array.from({ length: 50 }, () => BIG) } as Json;
  assert.equal((compile(".a.b = 2").first(large) as { a: { b: number } }).a.b, 2);
  assert.equal((compile(". + {c: 1}").first(large) as { c: number }).c, 1);
});
