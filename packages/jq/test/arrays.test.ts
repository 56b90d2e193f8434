/** Array functions. */
import { testCases } from "./cases.ts";

testCases([
  ["map(. + 1)", [1, 2], [[2, 3]]],
  ["map(., .)", [1, 2], [[1, 1, 2, 2]]],
  ["map(.)", { a: 1, b: 2 }, [[1, 2]]],
  ["add", [1, 2, 3], [6]],
  ["add", ["a", "b"], ["ab"]],
  ["add", [[1], [2]], [[1, 2]]],
  ["add", [], [null]],
  ["add", { a: 1, b: 2 }, [3]],
  ["add(.[].n)", [{ n: 1 }, { n: 2 }], [3]],
  ["add(empty)", null, [null]],
  ["length", [1, 2], [2]],
  ["length", { a: 1 }, [1]],
  ["length", "añ\ud83d\ude00", [3]],
  ["length", null, [0]],
  ["length", -3, [3]],
  ["reverse", [1, 2, 3], [[3, 2, 1]]],
  ["reverse", null, [[]]],
  [
    "sort",
    [3, "a", null, true, [1], { a: 1 }, false, 1],
    [[null, false, true, 1, 3, "a", [1], { a: 1 }]],
  ],
  ["sort", ["b", "a", "B", "é", "z"], [["B", "a", "b", "z", "é"]]],
  ["sort", ["\uffff", "\ud83d\ude00"], [["\uffff", "\ud83d\ude00"]]],
  [
    "sort_by(.n)",
    [
      { n: 2, i: 1 },
      { n: 1, i: 2 },
      { n: 2, i: 3 },
    ],
    [
      [
        { n: 1, i: 2 },
        { n: 2, i: 1 },
        { n: 2, i: 3 },
      ],
    ],
  ],
  [
    "sort_by(.a, -.b)",
    [
      { a: 1, b: 1 },
      { a: 0, b: 5 },
      { a: 1, b: 2 },
    ],
    [
      [
        { a: 0, b: 5 },
        { a: 1, b: 2 },
        { a: 1, b: 1 },
      ],
    ],
  ],
  ["sort", [{ b: 1 }, { a: 2 }, { a: 1, b: 0 }], [[{ a: 2 }, { a: 1, b: 0 }, { b: 1 }]]],
  [
    "group_by(.k)",
    [
      { k: 2, v: 1 },
      { k: 1, v: 2 },
      { k: 2, v: 3 },
    ],
    [
      [
        [{ k: 1, v: 2 }],
        [
          { k: 2, v: 1 },
          { k: 2, v: 3 },
        ],
      ],
    ],
  ],
  ["unique", [3, 1, 3, 2, 1], [[1, 2, 3]]],
  ["unique_by(length)", ["bb", "a", "cc", "d"], [["a", "bb"]]],
  ["map([., nan]) | sort_by(.[1]) | map(.[0])", [3, 1, 2], [[3, 1, 2]]],
  ["map([., nan]) | group_by(.[1]) | map(.[0][0])", [3, 1, 2], [[3, 1, 2]]],
  ["min, max", [3, 1, 2], [1, 3]],
  ["min, max", [], [null, null]],
  [
    "min_by(.n), max_by(.n)",
    [
      { n: 1, i: 0 },
      { n: 2, i: 1 },
      { n: 1, i: 2 },
      { n: 2, i: 3 },
    ],
    [
      { n: 1, i: 0 },
      { n: 2, i: 3 },
    ],
  ],
  ["flatten", [1, [2, [3, [4]]]], [[1, 2, 3, 4]]],
  ["flatten(1)", [1, [2, [3]]], [[1, 2, [3]]]],
  ["flatten", { a: [1], b: 2 }, [[1, 2]]],
  [
    "transpose",
    [[1, 2], [3]],
    [
      [
        [1, 3],
        [2, null],
      ],
    ],
  ],
  [
    "[combinations]",
    [
      [1, 2],
      ["a", "b"],
    ],
    [
      [
        [1, "a"],
        [1, "b"],
        [2, "a"],
        [2, "b"],
      ],
    ],
  ],
  [
    "[combinations(2)]",
    [0, 1],
    [
      [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ],
    ],
  ],
  ["contains([1]), contains([4])", [1, 2], [true, false]],
  ["contains({a:[1]})", { a: [1, 2], b: 3 }, [true]],
  ['contains("bc")', "abcd", [true]],
  ['inside("abcd")', "bc", [true]],
  ["index(2), rindex(2), indices(2)", [1, 2, 3, 2], [1, 3, [1, 3]]],
  ["indices([2,3])", [1, 2, 3, 2, 3], [[1, 3]]],
  ['index("b"), rindex("b"), indices("b")', "abcb", [1, 3, [1, 3]]],
  ['index("x")', "abc", [null]],
  ['indices("aa")', "aaaa", [[0, 1, 2]]],
  ['indices("b")', "\ud83d\ude00b", [[1]]],
  ['indices("")', "abc", [[]]],
  ["bsearch(2), bsearch(0), bsearch(9)", [1, 2, 3], [1, -1, -4]],
  ["IN(1,2), IN(3)", 2, [true, false]],
  ["IN(.[]; 2,5)", [1, 2], [true]],
  [
    "INDEX(.id)",
    [
      { id: 1, v: "a" },
      { id: 2, v: "b" },
    ],
    [{ "1": { id: 1, v: "a" }, "2": { id: 2, v: "b" } }],
  ],
  ["INDEX(.[]; .id)", [{ id: "x" }], [{ x: { id: "x" } }]],
  ["GROUP_BY(.k)", [{ k: 1 }, { k: 0 }], [[[{ k: 0 }], [{ k: 1 }]]]],
  [
    "UNIQUE_BY(.k)",
    [
      { k: 1, a: 1 },
      { k: 1, a: 2 },
    ],
    [[{ k: 1, a: 1 }]],
  ],
  [
    '[JOIN({"1":"one"}; .[]; tostring)]',
    [1, 2],
    [
      [
        [1, "one"],
        [2, null],
      ],
    ],
  ],
  [
    'JOIN({"1":"one"}; tostring)',
    [1, 2],
    [
      [
        [1, "one"],
        [2, null],
      ],
    ],
  ],
  ["toarray", 1, [[1]]],
  ["toarray", [1], [[1]]],
]);
