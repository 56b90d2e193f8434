/** Definitions, closures and recursion. */
import { testCases } from "./cases.ts";

testCases([
  ["def f: . + 1; f", 1, [2]],
  ["def f: . + 1; def g: f | f; g", 1, [3]],
  ["def f(g): g | g; f(. * 2)", 3, [12]],
  ["def f($a; $b): $a + $b; f(1; 2)", null, [3]],
  [
    "[def f($a; $b): [$a, $b]; f(1, 2; 3, 4)]",
    null,
    [
      [
        [1, 3],
        [1, 4],
        [2, 3],
        [2, 4],
      ],
    ],
  ],
  ["def f($a): a + $a; f(2)", null, [4]],
  ["def f(x): x | x; [f(., 1)]", 0, [[0, 1, 1, 1]]],
  ["def f: def g: 3; g; f", null, [3]],
  ["def f: 1; def f: 2; f", null, [2]],
  ["def f: 1; def f(x): 2; [f, f(0)]", null, [[1, 2]]],
  [
    "def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; [range(6) | fac]",
    null,
    [[1, 1, 2, 6, 24, 120]],
  ],
  ["def fib: if . < 2 then . else (. - 1 | fib) + (. - 2 | fib) end; 15 | fib", null, [610]],
  ["def down: if . > 0 then ., (. - 1 | down) else empty end; [3 | down]", null, [[3, 2, 1]]],
  ["def outer(f): def inner: f + 1; inner; outer(. * 10)", 2, [21]],
  ["2 as $x | def f: $x; 3 as $x | f + $x", null, [5]],
  ["def apply(f; g): [f, g]; apply(.a; .b)", { a: 1, b: 2 }, [[1, 2]]],
  ["def twice(f): f | f; 1 | twice(twice(. + 1))", null, [5]],
  ["def f(g): def h: g; [h, g]; 5 | f(. + 1)", null, [[6, 6]]],
  ["map(def inc: . + 1; inc)", [1, 2], [[2, 3]]],
  ["[.[] | def sq: . * .; sq]", [2, 3], [[4, 9]]],
  [
    "def tree: {v: .v, n: [.n[]? | tree]}; tree",
    { v: 1, n: [{ v: 2 }], x: 0 },
    [{ v: 1, n: [{ v: 2, n: [] }] }],
  ],
  ["def f: reduce .[] as $x (0; . + $x); f", [1, 2], [3]],
]);
