/** `definition`: definitions made from the schema and from examples, whole and damaged, through the validator. */
import { type Json, parseYaml, workflowSchema } from "@millrace/language";
import type { Target } from "../campaign.ts";
import { Isolated } from "../isolated.ts";
import type { Random } from "../random.ts";
import { exampleTexts } from "../sources.ts";
import { damageJson } from "./damage.ts";
import { Generator } from "./generate.ts";

const DOCUMENT = { dsl: "1.0.3", namespace: "fuzz", name: "made", version: "1.0.0" };

export const definitionTarget: Target = {
  name: "definition",
  async open() {
    const examples = exampleTexts().flatMap((text) => parseYaml(text).value ?? []) as Json[];
    const isolated = new Isolated("definition");
    return {
      concurrency: 1,
      generate: (random) => ({ definition: definition(random, examples) }),
      run: (input) => isolated.run(input),
      close: () => isolated.close(),
    };
  },
};

function definition(random: Random, examples: readonly Json[]): Json {
  const whole = random.chance(0.5) ? made(random) : random.pick(examples);
  return random.chance(0.6) ? damageJson(whole, random) : whole;
}

function made(random: Random): Json {
  const schema = workflowSchema();
  const value = new Generator(schema, random).value(schema, 4) as Record<string, Json>;
  // A generated head is seldom valid, and the rest would then not be looked at.
  return random.chance(0.9) ? { ...value, document: DOCUMENT } : value;
}
