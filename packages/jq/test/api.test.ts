/** The functions this package exports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, compile, DEFAULT_LIMITS, JqError } from "../src/index.ts";

function syntaxError(source: string, variables: readonly string[] = []): JqError {
  const error = check(source, { variables });
  assert.ok(error instanceof JqError, source);
  assert.equal(error.kind, "syntax");
  return error;
}

test("run gives all outputs, first only the first", () => {
  const program = compile(".[] | . * 2");
  assert.deepEqual(program.run([1, 2]), [2, 4]);
  assert.equal(program.first([1, 2]), 2);
  assert.equal(program.first([]), undefined);
});

test("first makes no more outputs than it needs", () => {
  assert.equal(compile('1, error("late")').first(null), 1);
  assert.equal(compile("repeat(7)").first(null), 7);
  assert.equal(compile("range(1e12) | select(. > 5)").first(null), 6);
});

test("variables are declared by name and given by value", () => {
  const program = compile("$a + $b.c", { variables: ["a", "b"] });
  assert.deepEqual(program.run(null, { a: 1, b: { c: 2 } }), [3]);
  assert.deepEqual(program.run(null, { a: 5 }), [5]);
  assert.deepEqual(compile("$a", { variables: ["a"] }).run(null), [null]);
  assert.deepEqual(compile("1 as $a | $a", { variables: ["a"] }).run(null, { a: 2 }), [1]);
});

test("now comes from the context and stays the same throughout", () => {
  const program = compile("[now, (now | todate)] | ., [limit(2; repeat(now))]");
  const outputs = program.run(null, {}, { now: 1_700_000_000_500 });
  assert.deepEqual(outputs, [
    [1_700_000_000.5, "2023-11-14T22:13:20Z"],
    [1_700_000_000.5, 1_700_000_000.5],
  ]);
  assert.ok((compile("now").first(null) as number) > 1.6e9);
});

test("an uncaught error carries its value", () => {
  const raised = (source: string): JqError => {
    try {
      compile(source).run(null);
    } catch (error) {
      return error as JqError;
    }
    throw new Error(`${source} raised nothing`);
  };
  assert.equal(raised('error("bad")').kind, "runtime");
  assert.equal(raised('error("bad")').message, "bad");
  assert.deepEqual(raised("error({code: 7})").value, { code: 7 });
  assert.equal(raised("error({code: 7})").message, '{"code":7} (not a string)');
  assert.equal(raised("1 | keys").value, "number (1) has no keys");
});

test("syntax errors have a position", () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ["1 +", 1, 4],
    ["{", 1, 2],
    ["}", 1, 1],
    [".a\n| foo", 2, 3],
    ["1 + $nope", 1, 5],
    ["[1, 2", 1, 6],
    ['"abc', 1, 1],
    ['"a\\qb"', 1, 3],
    [". as [] | 1", 1, 7],
    ["break $x", 1, 1],
    ["if 1 then 2", 1, 12],
    ["{(0): 1}", 1, 3],
    ["1 == 2 == 3", 1, 8],
    ["@nope", 1, 1],
    ['@nope "\\(1)"', 1, 1],
    ["%", 1, 1],
    ["reduce . as $x (1)", 1, 18],
    ["def f: 1", 1, 9],
    [". as $x", 1, 8],
    ["f(1;)", 1, 5],
    ["# only\n  wat", 2, 3],
  ];
  for (const [source, line, column] of cases) {
    const { position } = syntaxError(source);
    assert.deepEqual([position?.line, position?.column], [line, column], source);
    assert.throws(() => compile(source), JqError);
  }
});

test("check reports every unknown name", () => {
  const error = syntaxError("foo | $a + bar(1) | $b | map(baz)", ["a"]);
  assert.deepEqual(
    error.problems?.map(({ message, position }) => [message, position.offset]),
    [
      ["foo/0 is not defined", 0],
      ["bar/1 is not defined", 11],
      ["$b is not defined", 20],
      ["baz/0 is not defined", 29],
    ],
  );
  assert.equal(check("map(.a) | add", {}), undefined);
  assert.equal(check("$x", { variables: ["x"] }), undefined);
  assert.equal(syntaxError("def f: nope; 1").message, "nope/0 is not defined");
  assert.equal(syntaxError("map(1; 2)").message, "map/2 is not defined");
});

test("comments, blanks and line ends are no part of a program", () => {
  assert.deepEqual(
    compile("# a comment\n1 # and one\r\n + # more \\\n not this line\n 2").run(null),
    [3],
  );
  assert.deepEqual(compile("").run(5), [5]);
  assert.deepEqual(compile("  \t\r\n").run(5), [5]);
  assert.deepEqual(compile("def f: 1;").run(5), [5]);
});

test("outputs are JSON: no NaN, no infinity", () => {
  const outputs = compile("nan, [infinite, {a: -infinite}], 1e999, ([nan] | .[0])").run(null);
  const most = Number.MAX_VALUE;
  assert.deepEqual(outputs, [null, [most, { a: -most }], most, null]);
});

test("numbers print as jq prints them", () => {
  const print = compile("tojson");
  const cases: readonly (readonly [number, string])[] = [
    [-0, "-0"],
    [1e15, "1000000000000000"],
    [1e17, "1e+17"],
    [123456789012345680000, "123456789012345680000"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [1.5e-10, "1.5e-10"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [5e-324, "5e-324"],
    [-1.25, "-1.25"],
  ];
  for (const [value, text] of cases) assert.equal(print.first(value), text);
});

test("the defaults are what the documentation says", () => {
  assert.deepEqual(DEFAULT_LIMITS, {
    steps: 1_000_000,
    outputs: 100_000,
    outputBytes: 4_194_304,
    depth: 2_000,
    timeMs: 80,
  });
});
