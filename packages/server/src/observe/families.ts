/**
 * Metrics as plain data, and their text in Prometheus' exposition format 0.0.4. What the runtime counts is kept as plain
 * numbers, so that its hot path knows no metrics library; whoever reads them (a scrape, an OTLP export) makes these.
 */
import type { HistogramView } from "../owner/histogram.ts";

export type Labels = Readonly<Record<string, string>>;

export type Family =
  | {
      /** Whole, with `millrace_`. */
      readonly name: string;
      readonly help: string;
      readonly type: "counter" | "gauge";
      readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
    }
  | {
      readonly name: string;
      readonly help: string;
      readonly type: "histogram";
      readonly samples: readonly { readonly labels: Labels; readonly histogram: HistogramView }[];
    };

/** A family of one sample without labels. */
export function single(
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: number,
): Family {
  return { name, help, type, samples: [{ labels: {}, value }] };
}

/** Milliseconds as seconds. */
export function inSeconds({ bounds, sum, max, ...view }: HistogramView): HistogramView {
  return { ...view, bounds: bounds.map((ms) => ms / 1_000), sum: sum / 1_000, max: max / 1_000 };
}

/** The exposition of all, ending with a line feed. */
export function exposition(families: readonly Family[]): string {
  return families.map(text).join("");
}

function text(family: Family): string {
  const { name, help, type } = family;
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
  if (family.type === "histogram")
    for (const { labels, histogram } of family.samples) buckets(lines, name, labels, histogram);
  else
    for (const { labels, value } of family.samples)
      lines.push(`${name}${written(labels)} ${value}`);
  return `${lines.join("\n")}\n`;
}

function buckets(
  lines: string[],
  name: string,
  labels: Labels,
  { bounds, counts, sum, count }: HistogramView,
): void {
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += counts[index] ?? 0;
    lines.push(`${name}_bucket${written({ ...labels, le: String(bound) })} ${below}`);
  }
  lines.push(`${name}_bucket${written({ ...labels, le: "+Inf" })} ${count}`);
  lines.push(`${name}_sum${written(labels)} ${sum}`, `${name}_count${written(labels)} ${count}`);
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
