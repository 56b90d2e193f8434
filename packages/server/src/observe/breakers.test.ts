import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../logger.ts";
import { breakerListener } from "./breakers.ts";
import { createPrometheusMetrics } from "./prometheus.ts";

test("a circuit breaker's changes are in the log with its target, and in the metrics without", async () => {
  const metrics = createPrometheusMetrics();
  const lines: [level: string, fields: object, message: string][] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void lines.push([level, fields, message]);
  const listen = breakerListener(
    { ...silentLogger, info: say("info"), warn: say("warn") },
    metrics,
  );
  const which = { tenant: "acme", target: "https://api.example" };
  listen({ ...which, from: "closed", to: "open", until: 0 });
  listen({ ...which, from: "open", to: "half-open" });
  const text = await metrics.text();
  assert.match(text, /^millrace_circuit_breakers\{state="open"\} 0$/m);
  assert.match(text, /^millrace_circuit_breakers\{state="half-open"\} 1$/m);
  assert.match(text, /^millrace_circuit_breaker_changes_total\{state="open"\} 1$/m);
  assert.doesNotMatch(text, /acme|api\.example/);
  listen({ ...which, from: "half-open", to: "closed" });
  assert.match(await metrics.text(), /^millrace_circuit_breakers\{state="half-open"\} 0$/m);
  assert.deepEqual(lines, [
    [
      "warn",
      { ...which, from: "closed", to: "open", until: "1970-01-01T00:00:00.000Z" },
      "circuit breaker opened",
    ],
    ["info", { ...which, from: "open", to: "half-open" }, "circuit breaker tries"],
    ["info", { ...which, from: "half-open", to: "closed" }, "circuit breaker closed"],
  ]);
});
