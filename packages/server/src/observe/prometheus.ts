/** The Prometheus registry behind {@link Metrics}: names begin with `millrace_`, units are in the names. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Metrics } from "./metrics.ts";

export interface PrometheusMetrics extends Metrics {
  /** The media type of {@link text}. */
  readonly contentType: string;
  /** Everything in the exposition format. */
  text(): Promise<string>;
}

/** 100 µs to 60 s: from one prepared statement to a slow partner's answer. */
const SECONDS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const COMMANDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/** A registry of its own for each server, so that several may live in one process. */
export function createPrometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    ...instanceMetrics(registry),
    ...activityMetrics(registry),
    ...ownerMetrics(registry),
    ...edgeMetrics(registry),
  };
}

function counter<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
) {
  return new Counter<Label>({ registers: [registry], name, help, labelNames: [...labelNames] });
}

function histogram<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  buckets: readonly number[],
  labelNames: readonly Label[] = [],
) {
  return new Histogram<Label>({
    registers: [registry],
    name,
    help,
    buckets: [...buckets],
    labelNames: [...labelNames],
  });
}

function gauge(registry: Registry, name: string, help: string) {
  return new Gauge({ registers: [registry], name, help });
}

type InstanceMetrics = Pick<Metrics, "instancesStarted" | "instanceEnded">;

function instanceMetrics(registry: Registry): InstanceMetrics {
  const started = counter(registry, "millrace_instances_started_total", "Instances started.");
  const ended = {
    completed: counter(registry, "millrace_instances_completed_total", "Instances completed."),
    faulted: counter(registry, "millrace_instances_faulted_total", "Instances faulted."),
    cancelled: counter(registry, "millrace_instances_cancelled_total", "Instances cancelled."),
  };
  return {
    instancesStarted: (count) => started.inc(count),
    instanceEnded: (status) => ended[status].inc(),
  };
}

type ActivityMetrics = Pick<Metrics, "activityFinished" | "activityRedelivered">;

function activityMetrics(registry: Registry): ActivityMetrics {
  const duration = histogram(
    registry,
    "millrace_activity_duration_seconds",
    "Time one execution of an activity took.",
    SECONDS,
    ["type", "outcome"],
  );
  const redelivered = counter(
    registry,
    "millrace_activity_redeliveries_total",
    "Activities executed again because their worker was lost.",
    ["type"],
  );
  return {
    activityFinished: (type, outcome, seconds) => duration.observe({ type, outcome }, seconds),
    activityRedelivered: (type) => redelivered.inc({ type }),
  };
}

type OwnerMetrics = Pick<
  Metrics,
  | "batchCommitted"
  | "queueDepth"
  | "timerFired"
  | "reconcilerRepaired"
  | "partitionsOwned"
  | "epochsLost"
>;

function ownerMetrics(registry: Registry): OwnerMetrics {
  const size = histogram(registry, "millrace_batch_commands", "Commands in a commit.", COMMANDS);
  const commit = histogram(registry, "millrace_commit_seconds", "Time a commit took.", SECONDS);
  const depth = gauge(registry, "millrace_queue_commands", "Commands accepted, not yet committed.");
  const lateness = histogram(
    registry,
    "millrace_timer_lateness_seconds",
    "How long after its time a timer fired.",
    SECONDS,
  );
  const repairs = counter(
    registry,
    "millrace_reconciler_repairs_total",
    "Instances without a wake source that the reconciler repaired.",
    ["repair"],
  );
  const owned = gauge(registry, "millrace_partitions_owned", "Partitions this node owns.");
  const lost = counter(registry, "millrace_epochs_lost_total", "Partitions lost to another owner.");
  return {
    batchCommitted: (commands, seconds) => {
      size.observe(commands);
      commit.observe(seconds);
    },
    queueDepth: (commands) => depth.set(commands),
    timerFired: (seconds) => lateness.observe(Math.max(0, seconds)),
    reconcilerRepaired: (repair, count) => repairs.inc({ repair }, count),
    partitionsOwned: (count) => owned.set(count),
    epochsLost: (count) => lost.inc(count),
  };
}

type EdgeMetrics = Pick<Metrics, "eventsAccepted" | "httpRequest" | "overloaded">;

function edgeMetrics(registry: Registry): EdgeMetrics {
  const events = counter(registry, "millrace_events_total", "CloudEvents taken in.", ["outcome"]);
  const refused = counter(
    registry,
    "millrace_overloaded_total",
    "Requests turned away because too much was queued.",
  );
  const requests = histogram(
    registry,
    "millrace_http_request_duration_seconds",
    "Time from a request's arrival to the end of its response.",
    SECONDS,
    ["method", "route", "status"],
  );
  return {
    eventsAccepted: (accepted, duplicates) => {
      events.inc({ outcome: "accepted" }, accepted);
      events.inc({ outcome: "duplicate" }, duplicates);
    },
    httpRequest: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    overloaded: () => refused.inc(),
  };
}
