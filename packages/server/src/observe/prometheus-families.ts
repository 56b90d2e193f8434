/** What a registry of `prom-client` holds, as plain data. */
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";
import type { HistogramView } from "../owner/histogram.ts";
import type { Family, Labels } from "./families.ts";

type Values = readonly (MetricValue<string> & { readonly metricName?: string })[];

export async function registryFamilies(registry: Registry): Promise<readonly Family[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map(family);
}

function family(metric: MetricObjectWithValues<MetricValue<string>>): Family {
  const { name, help } = metric;
  const values = metric.values as Values;
  // The library's types say an enum that it does not export; what it gives is the word.
  const type = String(metric.type);
  if (type === "histogram")
    return { name, help, type: "histogram", samples: histograms(name, values) };
  const samples = values.map(({ labels, value }) => ({ labels: texts(labels), value }));
  return { name, help, type: type === "counter" ? "counter" : "gauge", samples };
}

/** A histogram's samples come as single values, its buckets cumulative. */
function histograms(
  name: string,
  values: Values,
): readonly { readonly labels: Labels; readonly histogram: HistogramView }[] {
  interface Gathered {
    readonly labels: Labels;
    readonly bounds: number[];
    readonly below: number[];
    sum: number;
    count: number;
  }
  const byLabels = new Map<string, Gathered>();
  for (const { labels, value, metricName } of values) {
    const { le, ...rest } = texts(labels);
    const key = JSON.stringify(rest);
    const one = byLabels.get(key) ?? { labels: rest, bounds: [], below: [], sum: 0, count: 0 };
    byLabels.set(key, one);
    if (metricName === `${name}_sum`) one.sum = value;
    else if (metricName === `${name}_count`) one.count = value;
    else if (le !== undefined && le !== "+Inf") {
      one.bounds.push(Number(le));
      one.below.push(value);
    }
  }
  return [...byLabels.values()].map(({ labels, bounds, below, sum, count }) => {
    const counts = [...below, count].map((upTo, index, all) => upTo - (all[index - 1] ?? 0));
    // The largest is not known: the last bound that something is above.
    const max = bounds.findLast((_, index) => (counts[index + 1] ?? 0) > 0) ?? 0;
    return { labels, histogram: { bounds, counts, sum, count, max } };
  });
}

function texts(labels: Partial<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
