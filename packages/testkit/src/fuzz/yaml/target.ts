/** `yaml`: damaged examples through the YAML front door. */
import type { Target } from "../campaign.ts";
import { Isolated } from "../isolated.ts";
import { exampleTexts } from "../sources.ts";
import { damage } from "./mutate.ts";

export const yamlTarget: Target = {
  name: "yaml",
  async open() {
    const sources = exampleTexts();
    const isolated = new Isolated("yaml");
    return {
      concurrency: 1,
      generate: (random) => ({ text: damage(random.pick(sources), random) }),
      run: (input) => isolated.run(input),
      close: () => isolated.close(),
    };
  },
};
