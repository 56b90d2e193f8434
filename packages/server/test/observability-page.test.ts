/** docs/observability.md: every metric, attribute and variable that there is, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MemoryRuntime } from "@millrace/testkit/api";
import { systemClock } from "../src/clock.ts";
import type { Committed } from "../src/owner/facts.ts";
import { createExposition } from "../src/observe/exposition.ts";
import { payloadFamilies } from "../src/observe/payload-metrics.ts";
import { sweeperFamilies } from "../src/observe/sweeper-metrics.ts";
import { openTelemetry } from "../src/observe/telemetry/open.ts";
import { TELEMETRY_VARIABLES, telemetrySettings } from "../src/observe/telemetry/settings.ts";
import { workerFamilies } from "../src/observe/worker-metrics.ts";
import { Workers } from "../src/workers/workers.ts";
import { attemptSpan, type SpanData, spansOf } from "../src/observe/telemetry/spans.ts";

const page = readFileSync(new URL("../../../docs/observability.md", import.meta.url), "utf8");
const rows = page.split("\n").filter((line) => line.startsWith("| "));
const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort();

const NO_PAYLOADS = {
  kept: 0,
  released: 0,
  hits: 0,
  misses: 0,
  corrupt: 0,
  repaired: 0,
  cacheBytes: 0,
};

/** What a pattern finds in rows of tables whose first cell it is in, or in any cell. */
function documented(pattern: RegExp, cell: "first" | "any"): readonly string[] {
  const texts = rows.map((row) => (cell === "first" ? (row.split(" | ")[0] ?? "") : row));
  return sorted(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = ""]) => name)));
}

test("every metric is on the page with its type and labels, and no other", async () => {
  const settings = telemetrySettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "otlp",
  });
  assert.ok(settings);
  const telemetry = openTelemetry(settings, systemClock());
  const workers = new Workers({ clock: systemClock() });
  const exposition = createExposition(() => [
    ...telemetry.families(),
    ...workerFamilies(workers),
    ...sweeperFamilies(SWEPT),
    ...payloadFamilies(NO_PAYLOADS),
  ]);
  const { metrics, onFacts } = exposition;
  metrics.activityFinished("call:http", "completed", 1);
  metrics.eventsAccepted(1, 0);
  metrics.httpRequest("GET", "/", 200, 1);
  metrics.breakerChanged("closed", "open");
  onFacts(committed());
  const all = await exposition.families(new MemoryRuntime());
  await telemetry.stop();
  const ours = all.filter(({ name }) => name.startsWith("millrace_"));
  const expected = ours.map(({ name, type, samples }) => {
    const labels = Object.keys(samples[0]?.labels ?? {}).map((label) => `\`${label}\``);
    return `| \`${name}\` | ${type} | ${labels.join(", ")} |`.replace("|  |", "| |");
  });
  const found = rows.flatMap((row) => /^\| `millrace_\w+` \|[^|]*\|[^|]*\|/.exec(row) ?? []);
  assert.deepEqual([...found].sort(), sorted(expected));
});

test("every attribute of a span is on the page, and no other", () => {
  const trace = { traceId: "1".repeat(32), sampled: true };
  const request = { ...({} as Parameters<typeof attemptSpan>[0]), tenant: "t", attempt: 1 };
  const attempt = { began: 0, ended: 1, outcome: "failed", error: "x" } as const;
  const spans: readonly SpanData[] = [
    ...spansOf(committed(), trace),
    attemptSpan(request, trace, "2".repeat(16), attempt),
  ];
  const names = spans.flatMap(({ attributes }) => Object.keys(attributes));
  assert.deepEqual(documented(/`((?:millrace|error)\.[a-z.]+)`/g, "any"), sorted(names));
});

test("every variable of OpenTelemetry that is read is on the page, and no other", () => {
  assert.deepEqual(documented(/`(OTEL_\w+)`/g, "first"), sorted(TELEMETRY_VARIABLES));
});

const SWEPT = {
  payloads: 1,
  bytes: 1,
  expired: 1,
  references: 1,
  checkpoints: 1,
  leftovers: 1,
  waiting: 1,
  unknown: new Map([["s3", 1]]),
};

/** One of everything that ends: a task that was tried twice and failed, in a child that failed. */
function committed(): Committed {
  const error = { type: "x", status: 500 };
  const task = { seq: 1, at: 5, task: "/do/0/a", occurrence: "2" };
  const state = {
    id: "i",
    startedAt: 0,
    status: "faulted",
    frames: {},
    parent: { instanceId: "p" },
  };
  const frame = { kind: "try", id: "2", startedAt: 1, attempt: 2 };
  return {
    workflow: { tenant: "t", namespace: "n", name: "w", version: "1" },
    program: undefined,
    before: { ...state, frames: { 2: frame } },
    state,
    facts: [
      { ...task, kind: "task.retried", attempt: 2, delay: 1, error },
      { ...task, kind: "task.faulted", error },
      { kind: "workflow.faulted", seq: 2, at: 6, error },
    ],
    entries: [],
    outcomes: [],
    at: 6,
  } as unknown as Committed;
}
