/** Programs that want too much end soon, with a budget error no `try` can catch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, JqError } from "../src/index.ts";
import type { Limits } from "../src/index.ts";

/** Milliseconds; ten times what the time budget allows, for machines that are busy. */
const GENEROUS = 1000;

function timed(run: () => unknown): { readonly error: unknown; readonly ms: number } {
  const start = performance.now();
  let error: unknown;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  return { error, ms: performance.now() - start };
}

function endsByBudget(program: string, limits: Partial<Limits> = {}): void {
  const { error, ms } = timed(() => compile(program, { limits }).run(null));
  assert.ok(error instanceof JqError, `${program} gave ${String(error)}`);
  assert.equal(error.kind, "budget", error.message);
  assert.ok(ms < GENEROUS, `${program} took ${ms} ms`);
}

const ENDLESS = [
  "repeat(1)",
  "[repeat(1)]",
  "repeat(1) | empty",
  "try repeat(1) catch 1",
  "[range(1e12)]",
  "range(1e9) as $x | empty",
  "[range(0; 1; 0.0000001)]",
  "last(range(1e9))",
  "[limit(1e9; repeat(1))]",
  "reduce range(1e9) as $x (0; . + 1)",
  "[foreach range(1e9) as $x (0; 1)]",
  "0 | until(false; . + 1)",
  "[0 | while(true; . + 1)]",
  "[0 | recurse(. + 1)]",
  "[0 | recurse(., .)]",
  "def f: f; f",
  "def f: 1 + f; f",
  "def f: [f]; f",
  "def f: f | f; f",
  "def f: (f, f); f",
  "def f: f?; f",
  "def f: try f catch f; f",
  "def f(g): f(g | g); f(.)",
  "def f(g): f(g + 1); f(1)",
  "def f: reduce (1, 2) as $x (.; f); f",
  "def f: .a |= f; f",
  "def f: def g: f; g; f",
  "path(def f: f; f)",
  "label $out | repeat(1) | if . == 2 then break $out else empty end",
  "[range(1e6)] | combinations(3)",
  "[[range(40) | [0, 1]] | combinations] | length",
  "any(repeat(1); . == 2)",
  "first(repeat(1) | select(. == 2))",
  "[limit(1e9; repeat(1)) as [$a] ?// $a | $a]",
];

for (const program of ENDLESS) test(`ends: ${program}`, () => endsByBudget(program));

const HUGE = [
  'reduce range(100) as $i ("x"; . + .)',
  '"x" * 1e9',
  '"x" * 1e8 | length',
  '[range(1e5) | "x" * 1e5] | length',
  '[range(1e6)] | map("x" * 100) | join("") | length',
  ".[1e9] = 1",
  ".[1e8] = 1",
  ".[5e6] = 1",
  "[range(1e7)] | implode",
  "reduce range(100) as $i (1; [., .])",
  "reduce range(100) as $i (1; [., .]) | tojson",
  "reduce range(100) as $i (1; {a: ., b: .}) | tostring | length",
  "reduce range(100) as $i (1; [., .]) | [..] | length",
  "reduce range(100) as $i (1; [., .]) | flatten | length",
  "reduce range(100) as $i (1; [., .]) | [paths] | length",
  "reduce range(100) as $i (1; [., .]) | walk(.) | length",
  "reduce range(100) as $i (1; [., .]) | [tostream] | length",
  "[reduce range(100) as $i (1; [., .]), reduce range(100) as $i (1; [., .])] | .[0] == .[1]",
  "[reduce range(100) as $i (1; [., .]), reduce range(100) as $i (1; [., .])] | sort | length",
  "[reduce range(100) as $i (1; [., .]), reduce range(100) as $i (1; [., .])] as [$a, $b] | $a | contains($b)",
  "[1] | until(length > 1e7; . + .) | length",
  "[range(3e5)] as $a | [range(1000) | $a + [1]] | length",
  '"\\("a" * 1e6)" as $s | [range(1000) | $s + "b" | explode] | length',
  '0 | strftime("%999Y" * 100000) | length',
];

for (const program of HUGE) test(`stays small: ${program}`, () => endsByBudget(program));

const PATTERNS = [
  '"a" * 5000 + "b" | test("(a+)+$")',
  '"a" * 40 | test("^(a|a)*b")',
  '"a" * 40 | test("(a|aa)+b")',
  '"a" * 40 | test("(?:(?:a*)*)*b")',
  '"a" * 30000 | test("(.*)(.*)(.*)(.*)(.*)x")',
  '"a" * 30000 | [match("a*?b"; "g")]',
  '"a" * 40 | test("(?<x>a*)*\\\\k<x>b")',
  '"x" * 50000 | gsub("(?=(x*))"; "yy") | length',
  '"(" | test("(?<r>\\\\g<r>?)")',
];

for (const program of PATTERNS)
  test(`matches within a budget: ${program}`, () => endsByBudget(program));

/** What must work despite its size. */
const LARGE: readonly (readonly [string, unknown])[] = [
  ["last(range(1e5))", 99_999],
  ["[limit(100000; repeat(1))] | length", 100_000],
  ["reduce range(1e5) as $i (0; . + $i)", 4_999_950_000],
  ["0 | until(. > 100000; . + 1)", 100_001],
  ["def r: if . > 1e5 then . else . + 1 | r end; 0 | r", 100_001],
  ["def f($n): if $n > 1e5 then $n else f($n + 1) end; f(0)", 100_001],
  ["def w(f): if . > 1e5 then . else f | w(f) end; 0 | w(. + 1)", 100_001],
  ["def f: select(. > 5e4) // (. + 1 | f); 0 | f", 50_001],
  ["def d: if . <= 0 then 0 else 1 + (. - 1 | d) end; 1000 | d", 1000],
  ["[0 | recurse(if . < 100000 then . + 1 else empty end)] | length", 100_001],
  ["reduce range(1e5) as $i ([]; . + [$i]) | length", 100_000],
  ["reduce range(5e4) as $i ({}; .[$i | tostring] = $i) | length", 50_000],
  ["[range(1e5)] | map(. + 1) | add", 5_000_050_000],
  ["[range(1e5)] | sort_by(-.) | first", 99_999],
  ['[range(1e5) | tostring] | join(",") | length', 588_889],
  ["reduce range(9000) as $i (1; [.]) | tojson | fromjson | flatten", [1]],
  ["reduce range(9000) as $i (1; [.]) | [..] | length", 9001],
  [
    "reduce range(9000) as $i ([]; [.]) as $a | reduce range(9000) as $i ([]; [.]) as $b | $a == $b",
    true,
  ],
  ["setpath([range(5000) | 0]; 1) | getpath([range(5000) | 0])", 1],
  ['"a" * 100000 | gsub("a"; "b") | length', 100_000],
  ['"ab" * 50000 | [scan("b")] | length', 50_000],
];

for (const [program, expected] of LARGE) {
  test(`works at size: ${program}`, () => {
    const limits = { steps: 1e8, depth: 5000, outputBytes: 1e8 };
    const outputs = compile(program, { limits }).run(null, {}, { monotonic: () => 0 });
    assert.deepEqual(outputs, [expected]);
  });
}

test("each limit ends a program by itself", () => {
  endsByBudget("[range(100)]", { steps: 50 });
  endsByBudget("range(100)", { outputs: 99 });
  endsByBudget('"x" * 100', { outputBytes: 99 });
  endsByBudget("[range(100) | tostring]", { outputBytes: 99 });
  endsByBudget("def d: if . == 0 then 0 else 1 + (. - 1 | d) end; 60 | d", { depth: 50 });
  endsByBudget("repeat(1) | empty", { steps: 1e12, timeMs: 20 });
  assert.equal(compile("[range(100)] | length", { limits: { steps: 500 } }).first(null), 100);
});

test("the clock given decides the time budget, and none means no time budget", () => {
  const program = compile("[range(50000)] | length", { limits: { timeMs: 10 } });
  let now = 0;
  assert.throws(() => program.run(null, {}, { monotonic: () => (now += 100) }), { kind: "budget" });
  assert.deepEqual(program.run(null, {}, { monotonic: () => 0 }), [50_000]);
});

test("budgets are an evaluation's own", () => {
  const program = compile("[range(400000)] | length");
  const untimed = { monotonic: () => 0 };
  for (let i = 0; i < 3; i += 1) assert.equal(program.first(null, {}, untimed), 400_000);
  const inner = compile("[range(10)] | length");
  const outer = compile("[range(50000)] | length");
  const nested = outer.first(null, {}, { monotonic: () => (inner.first(null) === 10 ? 0 : 1) });
  assert.equal(nested, 50_000);
});

test("deep programs are refused, not crashed on", () => {
  const deep = [
    `${"(".repeat(5000)}1${")".repeat(5000)}`,
    `${"[".repeat(5000)}${"]".repeat(5000)}`,
    "-".repeat(10_000) + "1",
    `1${" | .".repeat(50_000)}`,
    `1${" + 1".repeat(50_000)}`,
    `.${"a.".repeat(20_000)}a`,
    `${"if . then ".repeat(3000)}1${" end".repeat(3000)}`,
    "def f: ".repeat(3000),
  ];
  for (const source of deep) {
    const { error, ms } = timed(() => compile(source).run(null));
    assert.ok(error === undefined || error instanceof JqError, String(error));
    assert.ok(ms < 5 * GENEROUS, `${source.slice(0, 20)} took ${ms} ms`);
  }
});

test("nested definitions do not multiply the work of compiling", () => {
  let source = "f0";
  for (let i = 0; i < 40; i += 1) source = `def f${i}: (${source}), f${i}; f${i}`;
  const { ms } = timed(() => compile(source));
  assert.ok(ms < GENEROUS, `${ms} ms`);
});
