/** The differences from the real jq that are known, as data. Whatever is not on this list is a finding. */
import type { Json } from "../../src/index.ts";
import type { Distance } from "./compare.ts";
import { OLDER } from "./older.ts";
import type { Case, Outcome } from "./outcome.ts";
import { comesBefore } from "./vocabulary.ts";

export interface Finding extends Case {
  readonly here: Outcome;
  readonly there: Outcome;
  readonly distance: Distance;
}

export interface Difference {
  readonly name: string;
  readonly reason: string;
  /** Only references before this version differ. */
  readonly before?: string;
  readonly explains: (finding: Finding) => boolean;
}

export const uses =
  (pattern: RegExp) =>
  ({ program }: Finding): boolean =>
    pattern.test(program);

/** Whether a value is somewhere in the program or its input. */
const holds =
  (pattern: RegExp) =>
  ({ program, input }: Finding): boolean =>
    pattern.test(program) || pattern.test(JSON.stringify(input));

const both =
  (a: (finding: Finding) => boolean, b: (finding: Finding) => boolean) =>
  (finding: Finding): boolean =>
    a(finding) && b(finding);

const text = (outcome: Outcome): string => JSON.stringify(outcome);
const characters = (outcome: Outcome): string =>
  [...new Intl.Segmenter().segment(text(outcome))]
    .map(({ segment }) => segment)
    .toSorted()
    .join("");

const unsigned = (outcome: Outcome): string => text(outcome).replaceAll(/-0\b(?!\.)/g, "0");

/** Whether a value has an object with several keys, one of them like an index. */
function hasIndexKey(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Object.values(value).some((item) => hasIndexKey(item))) return true;
  const keys = Object.keys(value);
  return !Array.isArray(value) && keys.length > 1 && keys.some((key) => /^\d+$/.test(key));
}

function outputsOf(outcome: Outcome): Json {
  return outcome.kind === "ended" ? [...outcome.outputs, outcome.error ?? null] : null;
}

function isOrderOfKeys(finding: Finding): boolean {
  const { here, there, distance, input } = finding;
  if (distance === "order of keys" || characters(here) === characters(there)) return true;
  return (
    hasIndexKey([input, outputsOf(here), outputsOf(there)]) ||
    /"(?:0|10|123)"|from_entries|INDEX/.test(finding.program)
  );
}

/** jq complains of a path; or a path is asked for, and the complaint may have been caught. */
function inPath({ program, there }: Finding): boolean {
  if (text(there).includes("Invalid path expression")) return true;
  return /paths?\(|del\(|pick\(|[-+*/%|]=|\/\/=| = /.test(program);
}

const ALWAYS: readonly Difference[] = [
  {
    name: "budget",
    reason: "a program here may use so many steps, and so much depth and text, and no more",
    explains: ({ here }) => here.kind === "exhausted",
  },
  {
    name: "jq never ends",
    reason: "the reference took more than its time or memory",
    explains: ({ there }) => there.kind === "exhausted",
  },
  {
    name: "jq crashes",
    reason: "the reference ended by a signal or a failed assertion",
    explains: ({ there }) => there.kind === "crashed",
  },
  {
    name: "name of UTC",
    reason: "the C library calls the time zone GMT; here it is UTC",
    explains: uses(/%Z/),
  },
  {
    name: "patterns in paths",
    reason: "a pattern that takes a value apart can stand in a path here, as a variable can",
    explains: both(uses(/ as [[{]/), inPath),
  },
  {
    name: "iterating over what is no place",
    reason: "`.[]?` of a computed scalar is nothing here; in a path jq fails although `?` is there",
    explains: ({ there }) => text(there).includes("near attempt to iterate through"),
  },
  {
    name: "last in paths",
    reason: "`last(f)` can stand in a path here, as what it gives is one of f's places",
    explains: both(uses(/last\(/), inPath),
  },
  {
    name: "empty numbers",
    reason: "a jq without decNumber takes an empty text for 0",
    explains: both(
      uses(/tonumber/),
      ({ here, there, ...finding }) =>
        text(here).includes('string (\\"\\") cannot be parsed as a number') ||
        holds(/""/)({ here, there, ...finding }),
    ),
  },
  {
    name: "ranges to no number",
    reason: "a range that begins or ends with nan is empty here; jq counts for ever",
    explains: both(uses(/range\(/), uses(/nan|infinite|sqrt|log|pow|drem|scalb|gamma|%/)),
  },
  {
    name: "exponents out of range",
    reason: "an exponent that does not fit into C's int is whatever the processor makes of it",
    explains: both(uses(/ldexp|scalb/), holds(/\d{10}|e\+?\d|infinite|nan/)),
  },
  {
    name: "NUL in C's strings",
    reason: "C ends a text at its first NUL: in messages about dates and numbers",
    explains: both(uses(/date|strptime|fromjson|tonumber/), holds(/\\u0000/)),
  },
  {
    name: "literals keep their digits",
    reason:
      "a jq with decNumber prints large and small literals as they were written, 1.6 with all digits",
    explains: holds(/\d{17}|\de[+-]?\d|0\.0000|-0\b(?!\.)/),
  },
  {
    name: "decNumber",
    reason:
      "whether literals keep their digits is asked by `have_literal_numbers` and `have_decnum`",
    explains: uses(/have_/),
  },
  {
    name: "empty matches inside characters",
    reason: "after an empty match jq goes on by a byte, and matches again within a character",
    explains: both(uses(/match|scan|sub|split|capture/), holds(/[^\0-\u007f]/)),
  },
  {
    name: "sorting by nan",
    reason: "nan comes before itself, so an order with several depends on the way of sorting",
    explains: both(uses(/sort|group|unique|min|max/), uses(/nan|infinite|log|sqrt|pow/)),
  },
  {
    name: "wording of invalid paths",
    reason: "which part of a function written in jq is no path shows how jq has written it",
    explains: (finding) =>
      [finding.here, finding.there].every((outcome) => text(outcome).includes("Invalid path")) ||
      (/walk\(/.test(finding.program) && inPath(finding)),
  },
  {
    name: "sign of zero",
    reason: "a jq with decNumber negates 0 to 0, and messages show it",
    explains: ({ here, there }) => unsigned(here) === unsigned(there),
  },
  {
    name: "two seconds before 1970",
    reason: "C code that answers -2 for a failure takes this time for one",
    explains: both(
      uses(/mktime|fromdate/),
      ({ there, input, program }) =>
        text(there).includes("mktime not supported") ||
        /-2\b/.test(JSON.stringify(input) + program),
    ),
  },
  {
    name: "years out of range",
    reason: "years that do not fit into C's int overflow",
    explains: both(uses(/date|time/), holds(/\d{10}|e\+?\d/)),
  },
  {
    name: "break across alternatives",
    reason: "jq takes a break, such as the one of `first`, for a failure of a pattern before `?//`",
    explains: uses(/\?\/\//),
  },
  {
    name: "last digits",
    reason: "mathematical functions come from another library and differ in the last digits",
    explains: (finding) =>
      finding.distance === "digits" || uses(/exp10|exp2|pow|cbrt|log2|logb/)(finding),
  },
  {
    name: "keys like indexes",
    reason: "keys that look like array indexes come first, as in all JavaScript objects",
    explains: isOrderOfKeys,
  },
];

export const DIFFERENCES: readonly Difference[] = [...ALWAYS, ...OLDER];

/** The listed difference that explains a finding when compared with a version of jq, or undefined. */
export function explain(finding: Finding, version: string): Difference | undefined {
  return DIFFERENCES.find(
    ({ before, explains }) =>
      (before === undefined || comesBefore(version, before)) && explains(finding),
  );
}
