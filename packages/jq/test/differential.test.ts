/** What comparing with jq 1.8.2 on generated programs has found wrong, one case for each mistake. */
import { testCases } from "./cases.ts";

testCases([
  // A filter of paths sees the root, which is no path.
  ["[paths(ceil)]", [], "array ([]) number required"],
  // Array patterns are matched from their last item; of a variable bound twice the first binding counts.
  [". as [$a, $b] | .", true, "Cannot index boolean with number (1)"],
  ['[.] | . as [{("a", "b"): $x}] | $x', { a: 1, b: 2 }, [1, 2]],
  [
    '. as [{("a", "b"): $x}, {("a", "b"): $y}] | $x + $y',
    [
      { a: "1", b: "2" },
      { a: "x", b: "y" },
    ],
    ["1x", "2x", "1y", "2y"],
  ],
  [". as [$a, [$a]] | $a", [1, [2]], [2]],
  [". as {a: $x, b: $x} | $x", { a: 1, b: 2 }, [1]],
  // In the body of `def f($a)`, `a` is what was passed, run anew on what it is called with.
  ['def f($a): "x" | [$a, a]; f(.)', 1, [[1, "x"]]],
  [
    "def f($a; $b): [$a, $b, (9 | a)]; f(1, 2; 3, 4)",
    null,
    [
      [1, 3, 1, 2],
      [1, 4, 1, 2],
      [2, 3, 1, 2],
      [2, 4, 1, 2],
    ],
  ],
  ["transpose", [0], [[]]],
  ["transpose", [3], "Cannot index number with number (0)"],
  ["transpose", [true], "boolean (true) has no length"],
  ["combinations", {}, [[]]],
  ["combinations", 5, "Cannot index number with number (0)"],
  ["@tsv", ["\u0000"], ["\\0"]],
  ["fromjson", "ſ", "Invalid numeric literal at EOF at line 1, column 2 (while parsing 'ſ')"],
  ["fromjson", "0,", "Expected value before ',' at line 1, column 2 (while parsing '0,')"],
  ["fromjson", "1:", "Expected string key before ':' at line 1, column 2 (while parsing '1:')"],
  ["fromstream(.[])", [[{ a: 1 }, 2]], 'array (["x"]) and object ({"a":1}) cannot be added'],
  ["fromstream(.[])", [[null, 1], [[]], [["a"]], [["b"], 2], true], "boolean (true) has no length"],
  ["[fromstream(.[])]", [[null, 1], [[]], [["b"], 2], [["b"]]], [[1, { b: 2 }]]],
  ["fromjson", "[1]{}", "Unexpected extra JSON values (while parsing '[1]{}')"],
  [".[{}]", [], "Array/string slice indices must be integers"],
  ["@sh", "a\u0000b'", ["'a\\0b'\\'''"]],
  ["@html, ([.] | @csv)", "\u0000", ["\\0", '"\\0"']],
  ["max_by(.a)", {}, "object ({}) and array ([]) cannot be iterated over"],
  ["modf | tojson", -1, ["[-0,-1]"]],
  ["scalb(.; 1.5), scalb(.; 2)", 1, [null, 4]],
  ["drem(-0; 4) | tojson", null, ["-0"]],
  ["todate", [0.5], ["0-12-31T00:00:00Z"]],
  // One replacement character for each malformed sequence, not for each of its bytes.
  ["@base64d", "null", ["\ufffd\ufffd"]],
  ["@base64d | explode", "4oKC4oIB8J+Y8J+Y", [[0x2082, 0xfffd, 1, 0xfffd, 0xfffd]]],
  ['"\\(error(1)) \\(error(2))"', null, "2 (not a string)"],
  // The value of an entry is computed before its key is looked at.
  ["{(.): error(1)}", {}, "1 (not a string)"],
]);
