/** Types and conversions. */
import { testCases } from "./cases.ts";

testCases([
  [
    "[.[] | type]",
    [null, true, 1, "s", [], {}],
    [["null", "boolean", "number", "string", "array", "object"]],
  ],
  [
    "[.[] | arrays], [.[] | objects], [.[] | iterables], [.[] | scalars]",
    [null, true, 1, "s", [], {}],
    [[[]], [{}], [[], {}], [null, true, 1, "s"]],
  ],
  [
    "[.[] | booleans], [.[] | numbers], [.[] | strings], [.[] | nulls], [.[] | values]",
    [null, true, 1, "s", [], {}],
    [[true], [1], ["s"], [null], [true, 1, "s", [], {}]],
  ],
  ["[.[] | abs]", [-1, 0, 2.5], [[1, 0, 2.5]]],
  ["abs", "text", ["text"]],
  [
    "infinite > 1e308, -infinite < 0, (nan | isnan), (infinite | isinfinite)",
    null,
    [true, true, true, true],
  ],
  [
    "[.[] | isnormal], [.[] | isfinite]",
    [0, 1, 5e-324],
    [
      [false, true, false],
      [true, true, true],
    ],
  ],
  ["infinite, -infinite, nan", null, [1.7976931348623157e308, -1.7976931348623157e308, null]],
  ["[infinite, nan] | tojson", null, ["[1.7976931348623157e+308,null]"]],
  ["[nan] | sort", null, [[null]]],
  ["[1, nan] | min", null, [null]],
  ['splits("a")?', 1, []],
  ["[normals, finites]", 1, [[1, 1]]],
  ["error?", null, []],
  ["have_decnum, have_literal_numbers", null, [false, false]],
  ["$__loc__", null, [{ file: "<top-level>", line: 1 }]],
  ['debug, debug("m"), stderr', 1, [1, 1, 1]],
  ["builtins | length > 150", null, [true]],
  ["isvalid(.a), isvalid(error)", {}, [true, false]],
  ['getpath(["a"])?', 1, []],
]);
