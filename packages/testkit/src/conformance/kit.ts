/** Reads the specification's conformance kit: features in Gherkin. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AstBuilder, GherkinClassicTokenMatcher, Parser } from "@cucumber/gherkin";
import { IdGenerator } from "@cucumber/messages";

export interface KitScenario {
  readonly name: string;
  readonly steps: readonly { readonly sentence: string; readonly text: string }[];
}

/** All scenarios of the `.feature` files of a folder. */
export function readKit(folder: string): readonly KitScenario[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".feature"))
    .toSorted()
    .flatMap((file) => readFeature(readFileSync(join(folder, file), "utf8"), file));
}

function readFeature(text: string, file: string): readonly KitScenario[] {
  const parser = new Parser(
    new AstBuilder(IdGenerator.incrementing()),
    new GherkinClassicTokenMatcher(),
  );
  const children = parser.parse(text).feature?.children ?? [];
  return children.flatMap(({ scenario }) =>
    scenario === undefined
      ? []
      : [
          {
            name: `${file}: ${scenario.name}`,
            steps: scenario.steps.map((step) => ({
              sentence: step.text,
              text: step.docString?.content ?? "",
            })),
          },
        ],
  );
}
