/** The Prometheus registry behind {@link Metrics}: names begin with `millrace_`, units are in the names. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { exposition, type Family } from "./families.ts";
import type { Metrics } from "./metrics.ts";
import { registryFamilies } from "./prometheus-families.ts";
import { RequestTimes } from "./request-times.ts";

export interface PrometheusMetrics extends Metrics {
  /** The media type of {@link text}. */
  readonly contentType: string;
  /** Everything in the exposition format. */
  text(): Promise<string>;
  /** The same as plain data. */
  families(): Promise<readonly Family[]>;
}

/** 1 ms to 60 s: from one group commit to a slow partner's answer. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A registry of its own for each server, so that several may live in one process. */
export function createPrometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const activities = new Histogram({
    registers,
    name: "millrace_activity_duration_seconds",
    help: "Time one execution of an activity took.",
    buckets: SECONDS,
    labelNames: ["type", "outcome"],
  });
  // Without a target: what workflows call would be labels without bound. The log names it.
  const breakers = new Gauge({
    registers,
    name: "millrace_circuit_breakers",
    help: "Circuit breakers that are open, or half-open while a trial call is under way.",
    labelNames: ["state"],
  });
  for (const state of ["open", "half-open"]) breakers.set({ state }, 0);
  const breakerChanges = new Counter({
    registers,
    name: "millrace_circuit_breaker_changes_total",
    help: "Circuit breakers that went into a state.",
    labelNames: ["state"],
  });
  const events = new Counter({
    registers,
    name: "millrace_events_total",
    help: "CloudEvents taken in.",
    labelNames: ["outcome"],
  });
  const requests = new RequestTimes(SECONDS);
  return {
    contentType: registry.contentType,
    text: async () => (await registry.metrics()) + exposition([requests.family()]),
    families: async () => [...(await registryFamilies(registry)), requests.family()],
    activityFinished: (type, outcome, seconds) => activities.observe({ type, outcome }, seconds),
    breakerChanged: (from, to) => {
      if (from !== "closed") breakers.dec({ state: from });
      if (to !== "closed") breakers.inc({ state: to });
      breakerChanges.inc({ state: to });
    },
    eventsAccepted: (accepted, duplicates) => {
      events.inc({ outcome: "accepted" }, accepted);
      events.inc({ outcome: "duplicate" }, duplicates);
    },
    httpRequest: (method, route, status, seconds) =>
      requests.observe(method, route, status, seconds),
  };
}
