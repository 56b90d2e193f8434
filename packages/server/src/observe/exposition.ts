/** All that there is to scrape: the edges' figures, the tasks', and the runtime's. */
import type { FactListener } from "../owner/facts.ts";
import type { Runtime } from "../runtime.ts";
import { exposition, type Family } from "./families.ts";
import { createPrometheusMetrics, type PrometheusMetrics } from "./prometheus.ts";
import { runtimeFamilies } from "./runtime-metrics.ts";
import { TaskMetrics } from "./task-metrics.ts";

type Read = Pick<Runtime, "stats" | "storage">;

export interface Exposition {
  readonly metrics: PrometheusMetrics;
  readonly onFacts: FactListener;
  /** Everything, as plain data. */
  families(runtime: Read): Promise<readonly Family[]>;
  /** Everything, as Prometheus reads it. */
  of(runtime: Read): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** @param more what else there is */
export function createExposition(more: () => readonly Family[] = () => []): Exposition {
  const metrics = createPrometheusMetrics();
  const tasks = new TaskMetrics();
  const plain = async (runtime: Read): Promise<readonly Family[]> => {
    const storage = await runtime.storage();
    return [...tasks.families(), ...runtimeFamilies(runtime.stats(), storage), ...more()];
  };
  return {
    metrics,
    onFacts: tasks.onFacts,
    families: async (runtime) => [...(await metrics.families()), ...(await plain(runtime))],
    of: async (runtime) => ({
      contentType: metrics.contentType,
      text: (await metrics.text()) + exposition(await plain(runtime)),
    }),
  };
}
