/** What jq before 1.8 did differently; the language here is that of 1.8. */
import type { Difference, Finding } from "./differences.ts";

const uses =
  (pattern: RegExp) =>
  ({ program }: Finding): boolean =>
    pattern.test(program);

export const OLDER: readonly Difference[] = [
  {
    name: "wording of 1.7 and before",
    reason: "messages were reworded, and show more of a value since 1.8",
    before: "1.8",
    explains: ({ distance, program }) => distance === "message" || /catch \./.test(program),
  },
  {
    name: "syntax",
    reason:
      "`if` without `else`, an index after a dot, loops and negations as terms, and suffixes after `?` are new; constants were divided when compiling",
    before: "1.8",
    explains: ({ there }) => there.kind === "refused",
  },
  {
    name: "definitions as operands",
    reason: "before 1.8 a definition could stand behind an operator without parentheses",
    before: "1.8",
    explains: ({ program, here }) => here.kind === "refused" && /def |label | as /.test(program),
  },
  {
    name: "bindings as operands",
    reason: "before 1.8 `a + b as $x | c` bound `b`, and `-1 as $x | c` negated c",
    before: "1.8",
    explains: uses(/(?:[-+*/%=<>,]|and|or)\s?[^\s].* as [$[{]/s),
  },
  {
    name: "texts times nothing",
    reason: "before 1.8 a text times 0 was null",
    before: "1.8",
    explains: uses(/\*/),
  },
  {
    name: "updates with nothing",
    reason: "before 1.7 `|= empty` and `map_values(empty)` skipped elements or failed",
    before: "1.7",
    explains: uses(/\|=|map_values|with_entries/),
  },
  {
    name: "try",
    reason: "before 1.7 `try` and `?` also caught errors of what came after their body",
    before: "1.7",
    explains: uses(/\?|\btry\b/),
  },
  {
    name: "counts",
    reason:
      "before 1.8 negative counts of `limit` and `nth` were taken for none, and counts rounded otherwise",
    before: "1.8",
    explains: uses(/(?:limit|nth|skip|first|until|flatten)\b/),
  },
  {
    name: "empty matches",
    reason:
      "1.7 and 1.8 mended how matching goes on after an empty match, and groups that take no part",
    before: "1.8",
    explains: uses(/match|scan|sub|split|capture|test/),
  },
  {
    name: "filters of paths",
    reason: "before 1.8 `paths(f)` did not ask the root",
    before: "1.8",
    explains: uses(/paths\(/),
  },
  {
    name: "remainders",
    reason: "before 1.7 a remainder by infinity was 0",
    before: "1.7",
    explains: uses(/%.*(?:infinite|nan|e\+)|(?:infinite|nan|e\+).*%/s),
  },
  {
    name: "apostrophes in @uri",
    reason: "before 1.7 `@uri` left the characters !'()* alone",
    before: "1.7",
    explains: uses(/@uri/),
  },
  {
    name: "fractions as indexes",
    reason: "before 1.7 a negative fraction was cut off towards 0",
    before: "1.7",
    explains: uses(/(?:getpath|setpath|nth|has|\.\[).*(?:\/|\.\d)/s),
  },
  {
    name: "bsearch",
    reason: "since 1.8 it is written in C and ends elsewhere in an array that is not sorted",
    before: "1.8",
    explains: uses(/bsearch/),
  },
  {
    name: "times taken apart",
    reason: "1.7 and 1.8 let fields be left out, and carry over and cut off otherwise",
    before: "1.8",
    explains: uses(/date|time|gmtime/),
  },
  {
    name: "trimming",
    reason: "since 1.8 `ltrimstr` and `rtrimstr` fail for what is no text; `@urid` is new",
    before: "1.8",
    explains: uses(/trim|@urid/),
  },
  {
    name: "last of nothing",
    reason: "before 1.8 `last(empty)` was null",
    before: "1.8",
    explains: uses(/last\(/),
  },
  {
    name: "IN of two streams",
    reason: "`IN(a; b)` of 1.6 compared otherwise",
    before: "1.7",
    explains: uses(/\bIN\(/),
  },
];
