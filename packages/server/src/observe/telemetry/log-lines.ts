/** A line of the log, as the logger wrote it, as a record for a collector. */
import type { LogSpan } from "./correlation.ts";

export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number;
  /** OpenTelemetry's number: 1 (trace) to 24 (fatal). */
  readonly severity: number;
  readonly severityText: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly span?: LogSpan;
}

const SEVERITIES: Readonly<Record<string, number>> = {
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
};

/** @param line JSON, secrets taken out; undefined when it is none after all */
export function logLine(line: string): LogLine | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { level, time, msg, trace_id, span_id, ...rest } = parsed as Record<string, unknown>;
  const span = typeof trace_id === "string" && typeof span_id === "string";
  return {
    at: Date.parse(String(time)),
    severity: SEVERITIES[String(level)] ?? 9,
    severityText: String(level),
    body: String(msg),
    attributes: Object.fromEntries(
      Object.entries(rest).map(([name, value]) => [name, flat(value)]),
    ),
    ...(span ? { span: { trace_id, span_id } } : {}),
  };
}

function flat(value: unknown): string | number | boolean {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return JSON.stringify(value) ?? "null";
}
