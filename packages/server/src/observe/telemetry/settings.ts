/** OpenTelemetry's own environment variables (its "Environment Variable Specification"), as far as they are known here. */
import { ConfigError } from "../../settings.ts";
import { SAMPLERS, type SamplerName, type SamplerSettings } from "./sampler.ts";

export interface SignalSettings {
  /** The whole address: `http://localhost:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TelemetrySettings {
  readonly traces?: SignalSettings;
  readonly metrics?: SignalSettings;
  readonly logs?: SignalSettings;
  readonly serviceName: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerSettings;
  /** Milliseconds for one export, its repetitions included. */
  readonly timeout: number;
  /** Items that wait at most; of one batch; milliseconds until a batch that is not full goes. */
  readonly queue: { readonly most: number; readonly batch: number; readonly delay: number };
  /** Milliseconds between two exports of metrics. */
  readonly metricInterval: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const SIGNALS = ["traces", "metrics", "logs"] as const;
type Signal = (typeof SIGNALS)[number];
/** Logs are on stderr already: they go to a collector only when that is asked for. */
const EXPORTED: Readonly<Record<Signal, "otlp" | "none">> = {
  traces: "otlp",
  metrics: "otlp",
  logs: "none",
};

/** Every variable that is read here, for the page of documentation. */
export const TELEMETRY_VARIABLES: readonly string[] = Object.freeze([
  "OTEL_SDK_DISABLED",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  ...SIGNALS.map((signal) => variable(signal, "ENDPOINT")),
  "OTEL_EXPORTER_OTLP_HEADERS",
  ...SIGNALS.map((signal) => variable(signal, "HEADERS")),
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_EXPORTER_OTLP_TIMEOUT",
  ...SIGNALS.map((signal) => `OTEL_${signal.toUpperCase()}_EXPORTER`),
  "OTEL_SERVICE_NAME",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_BSP_MAX_QUEUE_SIZE",
  "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
  "OTEL_BSP_SCHEDULE_DELAY",
  "OTEL_METRIC_EXPORT_INTERVAL",
]);

function variable(signal: Signal, what: "ENDPOINT" | "HEADERS"): string {
  return `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${what}`;
}

/**
 * @returns undefined when telemetry is off: without an endpoint, or with `OTEL_SDK_DISABLED=true`
 * @throws {ConfigError} one line for each fault, naming the variable
 */
export function telemetrySettings(environment: Environment): TelemetrySettings | undefined {
  // An empty value is as good as none, says the specification.
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined;
  if (given("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const faults: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T, fallback: T): T => {
    const text = given(name);
    if (text === undefined) return fallback;
    try {
      return parse(text);
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
      return fallback;
    }
  };
  const signals = Object.fromEntries(
    SIGNALS.flatMap((signal) => {
      const settings = signalSettings(signal, read);
      return settings === undefined ? [] : [[signal, settings]];
    }),
  ) as Pick<TelemetrySettings, Signal>;
  if (Object.keys(signals).length === 0 && faults.length === 0) return undefined;
  const settings = { ...signals, ...commonSettings(read) };
  if (faults.length > 0) throw new ConfigError([...new Set(faults)].join("\n"));
  return settings;
}

type Read = <T>(name: string, parse: (text: string) => T, fallback: T) => T;

function signalSettings(signal: Signal, read: Read): SignalSettings | undefined {
  const exporter = `OTEL_${signal.toUpperCase()}_EXPORTER`;
  if (read(exporter, oneOf(["otlp", "none"]), EXPORTED[signal]) === "none") return undefined;
  const base = read("OTEL_EXPORTER_OTLP_ENDPOINT", address, undefined);
  const fallback = base === undefined ? undefined : `${base.replace(/\/$/, "")}/v1/${signal}`;
  const url = read<string | undefined>(variable(signal, "ENDPOINT"), address, fallback);
  if (url === undefined) return undefined;
  const common = read("OTEL_EXPORTER_OTLP_HEADERS", pairs, {});
  return { url, headers: { ...common, ...read(variable(signal, "HEADERS"), pairs, {}) } };
}

function commonSettings(read: Read): Omit<TelemetrySettings, Signal> {
  read("OTEL_EXPORTER_OTLP_PROTOCOL", oneOf(["http/protobuf"]), "http/protobuf");
  const { "service.name": named, ...resource } = read("OTEL_RESOURCE_ATTRIBUTES", pairs, {});
  const name = read<SamplerName>("OTEL_TRACES_SAMPLER", oneOf(SAMPLERS), "parentbased_always_on");
  return {
    serviceName: read("OTEL_SERVICE_NAME", (text) => text, named ?? "millrace"),
    resource,
    sampler: { name, ratio: read("OTEL_TRACES_SAMPLER_ARG", ratio, 1) },
    timeout: read("OTEL_EXPORTER_OTLP_TIMEOUT", whole(1), 10_000),
    queue: {
      most: read("OTEL_BSP_MAX_QUEUE_SIZE", whole(1), 8_192),
      batch: read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", whole(1), 512),
      delay: read("OTEL_BSP_SCHEDULE_DELAY", whole(0), 1_000),
    },
    metricInterval: read("OTEL_METRIC_EXPORT_INTERVAL", whole(100), 60_000),
  };
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text.toLowerCase());
    if (found === undefined)
      throw new Error(`${JSON.stringify(text)} is none of ${values.join(", ")}`);
    return found;
  };
}

function address(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  // Not the text: there may be a password in it.
  throw new Error("expected an address such as http://localhost:4318");
}

function ratio(text: string): number {
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new Error(`expected a number from 0 to 1, not ${JSON.stringify(text)}`);
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new Error(`expected a whole number from ${least}, not ${JSON.stringify(text)}`);
  };
}

/** `name=value,name=value`, percent-encoded (W3C Baggage without its properties). */
function pairs(text: string): Record<string, string> {
  const entries = text.split(",").flatMap((pair): [string, string][] => {
    if (pair.trim() === "") return [];
    const at = pair.indexOf("=");
    const name = pair.slice(0, Math.max(at, 0)).trim();
    // Not the pair itself: a header may hold a key.
    if (name === "") throw new Error("expected name=value pairs, separated by commas");
    return [[name, decoded(name, pair.slice(at + 1).trim())]];
  });
  return Object.fromEntries(entries);
}

function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Error(`the value of ${name} is not percent-encoded as it should be`);
  }
}
