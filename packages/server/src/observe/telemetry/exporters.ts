/**
 * The OTLP exporters (protobuf over HTTP). The only file that loads OpenTelemetry's SDK, itself loaded only where there is an
 * endpoint to export to.
 */
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type HrTime,
  type SpanContext,
} from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Family } from "../families.ts";
import type { LogLine } from "./log-lines.ts";
import { metricData } from "./otlp-metrics.ts";
import type { TelemetrySettings } from "./settings.ts";
import type { SpanData } from "./spans.ts";

/** Each rejects when what it was given did not arrive. */
export interface Exporters {
  readonly traces?: (spans: readonly SpanData[]) => Promise<void>;
  readonly metrics?: (families: readonly Family[]) => Promise<void>;
  readonly logs?: (lines: readonly LogLine[]) => Promise<void>;
  close(): Promise<void>;
}

export interface About {
  readonly version: string;
  /** Tells this process from others of the service. */
  readonly instance: string;
  /** Epoch milliseconds: since when the counters count. */
  readonly since: number;
  readonly now: () => number;
}

const SCOPE = "millrace";
const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

export function openExporters(settings: TelemetrySettings, about: About): Exporters {
  const resource = resourceFromAttributes({
    "service.version": about.version,
    "service.instance.id": about.instance,
    ...settings.resource,
    "service.name": settings.serviceName,
  });
  const scope = { name: SCOPE, version: about.version };
  const { timeout: timeoutMillis, traces, metrics, logs } = settings;
  const spanExporter = traces && new OTLPTraceExporter({ ...traces, timeoutMillis });
  const metricExporter = metrics && new OTLPMetricExporter({ ...metrics, timeoutMillis });
  const logExporter = logs && new OTLPLogExporter({ ...logs, timeoutMillis });
  const all = [spanExporter, metricExporter, logExporter];
  return {
    ...(spanExporter && {
      traces: (spans) =>
        done((told) =>
          spanExporter.export(
            spans.map((span) => readable(span, resource, scope)),
            told,
          ),
        ),
    }),
    ...(metricExporter && {
      metrics: (families) => {
        const data = families.map((family) => metricData(family, about.since, about.now()));
        const scopeMetrics = [{ scope, metrics: data }];
        return done((told) => metricExporter.export({ resource, scopeMetrics }, told));
      },
    }),
    ...(logExporter && {
      logs: (lines) =>
        done((told) =>
          logExporter.export(
            lines.map((line) => record(line, resource, scope)),
            told,
          ),
        ),
    }),
    async close() {
      await Promise.all(all.map((exporter) => Promise.resolve(exporter?.shutdown())));
    },
  };
}

/** What `ExportResult` says: 0 is success. */
interface Told {
  readonly code: number;
  readonly error?: Error;
}

function done(run: (told: (result: Told) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run(({ code, error }) => {
      if (code === 0) resolve();
      else reject(error ?? new Error("the collector did not take it"));
    });
  });
}

function time(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}

function readable(
  span: SpanData,
  resource: Resource,
  scope: { readonly name: string },
): ReadableSpan {
  const { traceId, spanId, parentSpanId, remote = false, start, links = [] } = span;
  // Clocks of two machines may differ by a little: a span that ends before it begins is refused by some.
  const end = Math.max(start, span.end);
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    ...traceState(span),
  };
  const parent = parentSpanId && { traceId, spanId: parentSpanId, isRemote: remote, traceFlags: 1 };
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => context,
    ...(parent && { parentSpanContext: parent }),
    startTime: time(start),
    endTime: time(end),
    duration: time(end - start),
    status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: span.attributes,
    links: links.map((link) => ({
      context: { ...link, traceFlags: link.sampled ? 1 : 0, isRemote: true },
    })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Passed on as it came. */
function traceState({ tracestate }: SpanData): Pick<SpanContext, "traceState"> {
  if (tracestate === undefined) return {};
  const itself = { get: () => undefined, serialize: () => tracestate };
  const traceState = { ...itself, set: () => traceState, unset: () => traceState };
  return { traceState };
}

function record(
  { at, severity, severityText, body, attributes, span }: LogLine,
  resource: Resource,
  instrumentationScope: { readonly name: string },
): ReadableLogRecord {
  return {
    hrTime: time(at),
    hrTimeObserved: time(at),
    severityNumber: severity,
    severityText,
    body,
    attributes: { ...attributes },
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    ...(span && {
      spanContext: { traceId: span.trace_id, spanId: span.span_id, traceFlags: TraceFlags.SAMPLED },
    }),
  };
}
