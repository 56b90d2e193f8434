/** The differences from the real jq that are known, as data. Whatever is not on this list is a finding. */
import { distance } from "./compare.ts";
import type { Distance } from "./compare.ts";
import type { Case, Outcome } from "./outcome.ts";

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

const uses =
  (pattern: RegExp) =>
  ({ program }: Finding): boolean =>
    pattern.test(program);

/** A key, in the program or its input, that JavaScript takes for an index. */
const INDEX_KEY = /"(?:0|[1-9]\d*)"\s*:|\("?\d|"(?:0|10|123)"/;

export const DIFFERENCES: readonly Difference[] = [
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
    name: "keys like indexes",
    reason: "keys that look like array indexes come first, as in all JavaScript objects",
    explains: (finding) =>
      INDEX_KEY.test(finding.program + JSON.stringify(finding.input)) &&
      (finding.distance === "order of keys" || uses(/./)(finding)),
  },
  {
    name: "name of UTC",
    reason: "the C library calls the time zone GMT; here it is UTC",
    explains: uses(/%Z/),
  },
  {
    name: "patterns in paths",
    reason:
      "a pattern that takes a value apart can stand in a path here, as a variable can; jq fails",
    explains: ({ program, there }) =>
      there.kind === "ended" &&
      /Invalid path expression near attempt to access element/.test(JSON.stringify(there)) &&
      / as [[{]/.test(program),
  },
  {
    name: "ranges to no number",
    reason: "a range that begins or ends with nan is empty here; jq counts for ever",
    explains: uses(/range\(.*nan|nan.*range\(/s),
  },
  {
    name: "exponents out of range",
    reason: "an exponent that does not fit into C's int is whatever the processor makes of it",
    explains: uses(/ldexp|scalb/),
  },
  {
    name: "NUL in dates",
    reason: "C ends a text at its first NUL, so jq's message about a date does",
    explains: (finding) =>
      /date|strptime/.test(finding.program) && JSON.stringify(finding).includes("u0000"),
  },
  {
    name: "empty matches inside characters",
    reason: "after an empty match jq goes on by a byte, and matches again within a character",
    explains: (finding) =>
      /match|scan|sub|split|capture|test/.test(finding.program) &&
      /[^\0-\u007f]/.test(finding.program + JSON.stringify(finding.input)),
  },
  {
    name: "sorting by nan",
    reason: "nan comes before itself, so an order with several depends on the way of sorting",
    explains: uses(/nan|infinite|log|sqrt|pow/),
  },
  {
    name: "wording of invalid paths",
    reason: "which part of a function written in jq is no path shows how jq has written it",
    explains: ({ here, there }) =>
      [here, there].every((outcome) => JSON.stringify(outcome).includes("Invalid path expression")),
  },
  {
    name: "two seconds before 1970",
    reason: "C code that answers -2 for a failure takes this time for one",
    explains: ({ there }) => JSON.stringify(there).includes("mktime not supported"),
  },
  {
    name: "years out of range",
    reason: "years that do not fit into C's int overflow",
    explains: (finding) =>
      /date|time/.test(finding.program) &&
      /\d{10}|e\+?\d/.test(finding.program + JSON.stringify(finding.input)),
  },
  {
    name: "break across alternatives",
    reason: "jq takes a break, such as the one of `first`, for a failure of a pattern before `?//`",
    explains: uses(/\?\/\//),
  },
  {
    name: "last digits",
    reason: "mathematical functions come from another library and differ in the last digits",
    explains: (finding) => finding.distance === "digits",
  },
];

/** Whether version a comes before version b. */
function comesBefore(a: string, b: string): boolean {
  return a.localeCompare(b, "en", { numeric: true }) < 0;
}

/** The listed difference that explains a finding when compared with a version of jq, or undefined. */
export function explain(finding: Finding, version: string): Difference | undefined {
  return DIFFERENCES.find(
    ({ before, explains }) =>
      (before === undefined || comesBefore(version, before)) && explains(finding),
  );
}

export { distance };
