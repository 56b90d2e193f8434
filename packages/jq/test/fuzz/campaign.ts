/** Generates cases, runs them here and in the real jq, and sorts out what differs. */
import type { Json } from "../../src/index.ts";
import { compare } from "./compare.ts";
import { DIFFERENCES, explain } from "./differences.ts";
import type { Difference, Finding } from "./differences.ts";
import { document, KINDS } from "./documents.ts";
import { generate } from "./generate.ts";
import { ours } from "./ours.ts";
import type { Case } from "./outcome.ts";
import { Random } from "./random.ts";
import type { Reference } from "./reference.ts";
import { templatesFor } from "./vocabulary.ts";
import type { Template } from "./templates.ts";
import { render } from "./tree.ts";
import type { Tree } from "./tree.ts";

/** Cases in one process of the reference. */
const BATCH = 200;
/** Inputs for each program: one of the kind it was made for, the rest of any. */
const INPUTS = 2;

export interface GeneratedCase extends Case {
  readonly tree: Tree;
  /** With the seed, what makes this case again. */
  readonly index: number;
}

export interface Unlisted extends Finding {
  readonly tree: Tree;
  readonly index: number;
}

export interface Summary {
  readonly cases: number;
  readonly equal: number;
  /** Of the equal ones, those that ended with an error in both. */
  readonly errors: number;
  /** Of the equal ones, those that neither compiles. */
  readonly refused: number;
  readonly listed: ReadonlyMap<Difference, number>;
  readonly unlisted: readonly Unlisted[];
}

/** The case of a seed with an index; `templates` are the rules the reference knows. */
export function caseOf(seed: number, index: number, templates: readonly Template[]): GeneratedCase {
  const random = new Random(seed, Math.floor(index / INPUTS));
  const kind = random.pick(KINDS);
  const tree = generate(random, kind, templates);
  let input: Json = null;
  for (let n = 0; n <= index % INPUTS; n += 1) {
    input = document(random, n === 0 || random.chance(0.5) ? kind : "any", 3);
  }
  return { program: render(tree), input, tree, index };
}

/** The differences among cases, listed or not. */
export async function findings<T extends Case>(
  reference: Reference,
  cases: readonly T[],
): Promise<(T & Finding)[]> {
  const theirs = reference.run(cases);
  const mine = cases.map(ours);
  return (await theirs).map((there, at) => {
    const here = mine[at] as Finding["here"];
    return { ...(cases[at] as T), here, there, distance: compare(here, there) };
  });
}

/** Runs `count` cases from an index on; `report` is told how many are done after each batch. */
export async function campaign(
  reference: Reference,
  { seed, from, count }: { readonly seed: number; readonly from: number; readonly count: number },
  report: (done: number) => void = () => undefined,
): Promise<Summary> {
  const templates = templatesFor(reference.version, reference.builtins);
  const listed = new Map<Difference, number>(DIFFERENCES.map((one) => [one, 0]));
  const unlisted: Unlisted[] = [];
  const counts = { equal: 0, errors: 0, refused: 0 };
  for (let done = 0; done < count; done += BATCH) {
    const size = Math.min(BATCH, count - done);
    const cases = Array.from({ length: size }, (_, at) =>
      caseOf(seed, from + done + at, templates),
    );
    for (const finding of await findings(reference, cases)) {
      if (finding.distance === "none") {
        counts.equal += 1;
        if (finding.here.kind === "refused") counts.refused += 1;
        if (finding.here.kind === "ended" && finding.here.error !== undefined) counts.errors += 1;
        continue;
      }
      const known = explain(finding, reference.version);
      if (known === undefined) unlisted.push(finding);
      else listed.set(known, (listed.get(known) ?? 0) + 1);
    }
    report(done + size);
  }
  return { cases: count, ...counts, listed, unlisted };
}
