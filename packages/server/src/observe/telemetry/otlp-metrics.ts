/** Metrics as OpenTelemetry has them: the same names and labels as in the exposition, cumulative since the process began. */
import { type HrTime, ValueType } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import type { Family } from "../families.ts";

/** @param since @param now epoch milliseconds */
export function metricData(family: Family, since: number, now: number): MetricData {
  const times = { startTime: time(since), endTime: time(now) };
  const descriptor = {
    name: family.name,
    description: family.help,
    unit: unitOf(family.name),
    valueType: ValueType.DOUBLE,
  };
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  if (family.type === "histogram") {
    const dataPoints = family.samples.map(({ labels, histogram }) => {
      const { bounds, counts, sum, count, max } = histogram;
      const buckets = { boundaries: [...bounds], counts: [...counts] };
      const value = { buckets, sum, count, ...(count === 0 ? {} : { max }) };
      return { ...times, attributes: labels, value };
    });
    return {
      descriptor,
      aggregationTemporality,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints,
    };
  }
  const dataPoints = family.samples.map(({ labels, value }) => ({
    ...times,
    attributes: labels,
    value,
  }));
  if (family.type === "gauge")
    return { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints };
  return {
    descriptor,
    aggregationTemporality,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints,
  };
}

/** UCUM, from the unit in the name. */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return "s";
  return /_bytes(_total)?$/.test(name) ? "By" : "";
}

function time(ms: number): HrTime {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];
}
