import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../settings.ts";
import { samplerOf } from "./sampler.ts";
import { telemetrySettings } from "./settings.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };

test("telemetry is on when there is an endpoint, and off when it is disabled or every signal is", () => {
  assert.equal(telemetrySettings({}), undefined);
  assert.equal(telemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }), undefined);
  assert.equal(telemetrySettings({ OTEL_SERVICE_NAME: "mill" }), undefined);
  assert.equal(telemetrySettings({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }), undefined);
  const none = { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" };
  assert.equal(telemetrySettings({ ...ENDPOINT, ...none }), undefined);
  const settings = telemetrySettings(ENDPOINT);
  assert.equal(settings?.traces?.url, "http://collector:4318/v1/traces");
  assert.equal(settings?.metrics?.url, "http://collector:4318/v1/metrics");
  assert.equal(settings?.logs, undefined);
  assert.equal(settings?.serviceName, "millrace");
});

test("each signal may have its own address and headers", () => {
  const settings = telemetrySettings({
    ...ENDPOINT,
    OTEL_LOGS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/in",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b, x-team = mill",
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: "x-key=c",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=from-attributes,zone=eu",
  });
  assert.deepEqual(settings?.traces, {
    url: "https://traces.example/in",
    headers: { "x-key": "a b", "x-team": "mill" },
  });
  const logs = { "x-key": "c", "x-team": "mill" };
  assert.deepEqual(settings.logs, { url: "http://collector:4318/v1/logs", headers: logs });
  assert.equal(settings.serviceName, "from-attributes");
  assert.deepEqual(settings.resource, { zone: "eu" });
});

test("a telemetry setting that cannot be used stops the start, and is named without its value", () => {
  const faults = (environment: object): string => {
    try {
      telemetrySettings({ ...ENDPOINT, ...environment });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message;
    }
    throw new Error(`taken: ${JSON.stringify(environment)}`);
  };
  assert.equal(
    faults({ OTEL_EXPORTER_OTLP_ENDPOINT: "ftp://me:hunter2@host" }),
    "OTEL_EXPORTER_OTLP_ENDPOINT: expected an address such as http://localhost:4318",
  );
  assert.match(faults({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }), /"grpc" is none of http\/protobuf/);
  assert.match(
    faults({ OTEL_TRACES_SAMPLER: "often" }),
    /^OTEL_TRACES_SAMPLER: "often" is none of/,
  );
  assert.match(faults({ OTEL_TRACES_SAMPLER_ARG: "1.5" }), /a number from 0 to 1, not "1.5"/);
  assert.doesNotMatch(faults({ OTEL_EXPORTER_OTLP_HEADERS: "hunter2" }), /hunter2/);
  assert.doesNotMatch(faults({ OTEL_EXPORTER_OTLP_HEADERS: "x-key=hunter2%zz" }), /hunter2/);
  assert.match(faults({ OTEL_RESOURCE_ATTRIBUTES: "=x" }), /^OTEL_RESOURCE_ATTRIBUTES: expected/);
  assert.match(faults({ OTEL_BSP_MAX_QUEUE_SIZE: "0" }), /a whole number from 1, not "0"/);
  assert.match(faults({ OTEL_METRICS_EXPORTER: "prometheus" }), /is none of otlp, none/);
  const two = faults({ OTEL_BSP_SCHEDULE_DELAY: "soon", OTEL_METRIC_EXPORT_INTERVAL: "1" });
  assert.equal(two.split("\n").length, 2);
});

test("samplers decide by the caller or by the trace id, the same everywhere", () => {
  const ids = Array.from({ length: 4_000 }, (_, n) =>
    BigInt.asUintN(128, BigInt(n + 1) * 0x9e3779b97f4a7c15f39cc0605cedc835n)
      .toString(16)
      .padStart(32, "0"),
  );
  const caller = (sampled: boolean) => ({ traceId: "", spanId: "", sampled });
  const kept = (name: Parameters<typeof samplerOf>[0]["name"], ratio = 1): number =>
    ids.filter((id) => samplerOf({ name, ratio })(id, undefined)).length;
  assert.equal(kept("always_on"), ids.length);
  assert.equal(kept("parentbased_always_off"), 0);
  assert.equal(kept("traceidratio", 0), 0);
  assert.equal(kept("parentbased_traceidratio", 1), ids.length);
  const quarter = kept("traceidratio", 0.25);
  assert.ok(quarter > 800 && quarter < 1_200, String(quarter));
  const [id = ""] = ids;
  assert.equal(samplerOf({ name: "parentbased_always_off", ratio: 1 })(id, caller(true)), true);
  assert.equal(samplerOf({ name: "parentbased_always_on", ratio: 1 })(id, caller(false)), false);
  assert.equal(samplerOf({ name: "always_on", ratio: 1 })(id, caller(false)), true);
});
