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
