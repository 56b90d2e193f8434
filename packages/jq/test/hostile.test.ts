/** Programs that want too much end soon, with a budget error no `try` can catch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, JqError } from "../src/index.ts";
import type { Limits } from "../src/index.ts";
import { HOSTILE } from "./hostile/programs.ts";
import { endingOf } from "./hostile/run.ts";

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

/** Milliseconds; the product's bar is 100, on a machine with nothing else to do. */
const HANG = 5000;
/** Mebibytes of a whole process; Node.js alone takes 50. */
const MEMORY = 400;

for (const { title, ending, programs } of HOSTILE) {
  test(`${title}: ${programs.length} programs`, { concurrency: 2 }, async (t) => {
    const slowest = { program: "", ms: 0 };
    const run = async (program: string): Promise<void> => {
      const { kind, message, ms, memory } = await endingOf(program);
      if (ending === "budget") assert.equal(kind, "budget", message);
      else assert.notEqual(kind, "other", message);
      assert.ok(ms < HANG, `took ${ms} ms`);
      assert.ok(memory < MEMORY, `took ${memory} MiB`);
      if (ms > slowest.ms) Object.assign(slowest, { program, ms });
    };
    await Promise.all(programs.map((program) => t.test(program, () => run(program))));
    t.diagnostic(`slowest: ${slowest.ms.toFixed(0)} ms, ${slowest.program}`);
  });
}

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
