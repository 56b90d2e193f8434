/** Makes a case that differs as small as it gets. */
import { findings } from "./campaign.ts";
import type { Unlisted } from "./campaign.ts";
import { explain } from "./differences.ts";
import { smaller } from "./documents.ts";
import type { Reference } from "./reference.ts";
import { render, smallerTrees } from "./tree.ts";

/** Rounds; each makes the case smaller by a step at least. */
const ROUNDS = 60;
/** Smaller cases tried in a round, the smallest first. */
const WIDTH = 150;

const size = ({ program, input }: Pick<Unlisted, "program" | "input">): number =>
  program.length + JSON.stringify(input).length;

function candidates(found: Unlisted): Pick<Unlisted, "program" | "input" | "tree" | "index">[] {
  const { tree, input, index, program } = found;
  const seen = new Set<string>();
  const all = [
    ...[...smallerTrees(tree)].map((less) => ({ tree: less, program: render(less), input, index })),
    ...[...smaller(input)].map((less) => ({ tree, program, input: less, index })),
  ];
  return all
    .filter((one) => {
      const text = `${one.program}\n${JSON.stringify(one.input)}`;
      if (seen.has(text) || size(one) >= size(found)) return false;
      seen.add(text);
      return true;
    })
    .sort((a, b) => size(a) - size(b));
}

/** The smallest case found that still differs in a way that is not listed, and in the same kind of way. */
export async function shrink(reference: Reference, found: Unlisted): Promise<Unlisted> {
  let best = found;
  for (let round = 0; round < ROUNDS; round += 1) {
    const tried = candidates(best);
    let next: Unlisted | undefined;
    for (let at = 0; at < tried.length && next === undefined; at += WIDTH) {
      const results = await findings(reference, tried.slice(at, at + WIDTH));
      next = results.find(
        (one) =>
          one.distance !== "none" &&
          one.here.kind === best.here.kind &&
          one.there.kind === best.there.kind &&
          explain(one, reference.version) === undefined,
      );
    }
    if (next === undefined) return best;
    best = next;
  }
  return best;
}
