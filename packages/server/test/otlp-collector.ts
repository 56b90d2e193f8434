/**
 * A collector that tests look into: an HTTP server that reads OTLP's protobuf with messages written down here after the
 * specification's `.proto` files (field numbers of opentelemetry-proto 1.x), and not with what the exporter writes by.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

const PROTO = `
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Status { string message = 2; int32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Link links = 13; Status status = 15;
}
message ScopeSpans { repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Traces { repeated ResourceSpans resource = 1; }
message NumberPoint { double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
message HistogramPoint {
  fixed64 count = 4; double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
  repeated KeyValue attributes = 9;
}
message Gauge { repeated NumberPoint data_points = 1; }
message Sum { repeated NumberPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }
message Metric { string name = 1; string description = 2; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
message ScopeMetrics { repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Metrics { repeated ResourceMetrics resource = 1; }
message LogRecord {
  fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
  repeated KeyValue attributes = 6; bytes trace_id = 9; bytes span_id = 10;
}
message ScopeLogs { repeated LogRecord log_records = 2; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message Logs { repeated ResourceLogs resource = 1; }
`;
const { root } = protobuf.parse(PROTO, { keepCase: true });

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the top. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  /** 2: an error. */
  readonly status: number;
  readonly attributes: Attributes;
  readonly tracestate: string;
  readonly resource: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}
export interface CollectedLog {
  readonly body: unknown;
  readonly severity: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** The last export of each metric, as it was read. */
  readonly metrics: Map<string, Readonly<Record<string, unknown>>>;
  readonly logs: CollectedLog[];
  /** Every body, as it came. */
  readonly bodies: Buffer[];
  readonly headers: Readonly<Record<string, unknown>>[];
  /** Resolves when `found` gives something; asked again with each export. */
  until<T>(found: () => T | undefined): Promise<T>;
  close(): Promise<void>;
}

/** @param refuse true: every export is answered with 503 */
export async function startCollector(options: { refuse?: boolean } = {}): Promise<Collector> {
  const collected = {
    spans: [] as CollectedSpan[],
    metrics: new Map<string, Readonly<Record<string, unknown>>>(),
    logs: [] as CollectedLog[],
    bodies: [] as Buffer[],
    headers: [] as Readonly<Record<string, unknown>>[],
  };
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const sent = Buffer.concat(pieces);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      collected.bodies.push(body);
      collected.headers.push(request.headers);
      if (options.refuse === true) response.writeHead(503).end();
      else {
        if (request.url === "/v1/traces") collected.spans.push(...readSpans(body));
        else if (request.url === "/v1/logs") collected.logs.push(...readLogs(body));
        else for (const [name, metric] of readMetrics(body)) collected.metrics.set(name, metric);
        response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      }
      for (const wake of waiting.splice(0)) wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...collected,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async until(found) {
      for (;;) {
        const it = found();
        if (it !== undefined) return it;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    async close() {
      waiting = [];
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Raw {
  readonly [key: string]: unknown;
}

function decode(type: string, body: Buffer): readonly Raw[] {
  const message = root.lookupType(type);
  const options = { longs: String, bytes: Array, defaults: true, arrays: true } as const;
  return (message.toObject(message.decode(body), options) as { resource: Raw[] }).resource;
}

const list = (raw: Raw, key: string): readonly Raw[] => (raw[key] ?? []) as readonly Raw[];
const hex = (bytes: unknown): string => Buffer.from((bytes ?? []) as number[]).toString("hex");

function valueOf(value: Raw | undefined | null): string | number | boolean {
  const text = value?.["string_value"];
  if (typeof text === "string" && text !== "") return text;
  const numbers = [value?.["int_value"], value?.["double_value"]].map(Number);
  if (value?.["bool_value"] === true) return true;
  return numbers.find((number) => number !== 0 && !Number.isNaN(number)) ?? (text as string) ?? 0;
}

function attributesOf(raw: Raw | undefined | null): Attributes {
  const pairs = list(raw ?? {}, "attributes");
  return Object.fromEntries(pairs.map((pair) => [pair["key"], valueOf(pair["value"] as Raw)]));
}

function readSpans(body: Buffer): readonly CollectedSpan[] {
  return decode("Traces", body).flatMap((each) =>
    list(each, "scope_spans").flatMap((scope) =>
      list(scope, "spans").map((span) => ({
        traceId: hex(span["trace_id"]),
        spanId: hex(span["span_id"]),
        parentSpanId: hex(span["parent_span_id"]),
        name: String(span["name"]),
        kind: Number(span["kind"]),
        start: BigInt(String(span["start_time_unix_nano"])),
        end: BigInt(String(span["end_time_unix_nano"])),
        status: Number((span["status"] as Raw | null)?.["code"] ?? 0),
        attributes: attributesOf(span),
        tracestate: String(span["trace_state"]),
        resource: attributesOf(each["resource"] as Raw),
        links: list(span, "links").map((link) => ({
          traceId: hex(link["trace_id"]),
          spanId: hex(link["span_id"]),
        })),
      })),
    ),
  );
}

function readMetrics(body: Buffer): readonly (readonly [string, Raw])[] {
  return decode("Metrics", body).flatMap((each) =>
    list(each, "scope_metrics").flatMap((scope) =>
      list(scope, "metrics").map((metric) => [String(metric["name"]), metric] as const),
    ),
  );
}

function readLogs(body: Buffer): readonly CollectedLog[] {
  return decode("Logs", body).flatMap((each) =>
    list(each, "scope_logs").flatMap((scope) =>
      list(scope, "log_records").map((record) => ({
        body: valueOf(record["body"] as Raw),
        severity: String(record["severity_text"]),
        traceId: hex(record["trace_id"]),
        spanId: hex(record["span_id"]),
        attributes: attributesOf(record),
      })),
    ),
  );
}
