/** `engine`: generated definitions, run to their end with random results. */
import type { Target } from "../campaign.ts";
import { Isolated } from "../isolated.ts";
import { generateRun } from "./generate.ts";

export const engineTarget: Target = {
  name: "engine",
  async open() {
    const isolated = new Isolated("engine");
    return {
      concurrency: 1,
      generate: generateRun,
      run: (input) => isolated.run(input),
      close: () => isolated.close(),
    };
  },
};
