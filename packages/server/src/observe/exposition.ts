/** All that there is to scrape: the edges' figures, the tasks', and the runtime's. */
import type { FactListener } from "../owner/facts.ts";
import type { Runtime } from "../runtime.ts";
import { exposition, type Family } from "./families.ts";
import { createPrometheusMetrics, type PrometheusMetrics } from "./prometheus.ts";
import { runtimeFamilies } from "./runtime-metrics.ts";
import { TaskMetrics } from "./task-metrics.ts";

export interface Exposition {
  readonly metrics: PrometheusMetrics;
  readonly onFacts: FactListener;
  /** What is not in `metrics`. */
  families(runtime: Pick<Runtime, "stats" | "storage">): Promise<readonly Family[]>;
  of(
    runtime: Pick<Runtime, "stats" | "storage">,
  ): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createExposition(): Exposition {
  const metrics = createPrometheusMetrics();
  const tasks = new TaskMetrics();
  const families: Exposition["families"] = async (runtime) => {
    const storage = await runtime.storage();
    return [...tasks.families(), ...runtimeFamilies(runtime.stats(), storage)];
  };
  return {
    metrics,
    onFacts: tasks.onFacts,
    families,
    of: async (runtime) => ({
      contentType: metrics.contentType,
      text: (await metrics.text()) + exposition(await families(runtime)),
    }),
  };
}
