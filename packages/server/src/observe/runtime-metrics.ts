/**
 * What the runtime counts, in Prometheus' text exposition format 0.0.4. The runtime keeps plain numbers so that its hot
 * path knows no metrics library; a scrape reads them here.
 */
import type { Latency, RuntimeStats } from "../runtime.ts";

type Counters = RuntimeStats["counters"];
type Gauges = RuntimeStats["gauges"];

/** Metric name (without `millrace_`) and help of each counter. */
const COUNTERS: { readonly [Key in keyof Counters]: readonly [name: string, help: string] } = {
  instancesStarted: ["instances_started_total", "Instances started."],
  instancesCompleted: ["instances_completed_total", "Instances completed."],
  instancesFaulted: ["instances_faulted_total", "Instances faulted."],
  instancesCancelled: ["instances_cancelled_total", "Instances cancelled."],
  commandsApplied: ["commands_applied_total", "Commands that changed an instance."],
  commandsIgnored: ["commands_ignored_total", "Commands that met nothing to act on."],
  commits: ["commits_total", "Transactions of the owner's loop that committed."],
  commitFailures: ["commit_failures_total", "Transactions of the owner's loop that failed."],
  commitsUnknown: ["commits_unknown_total", "Transactions whose outcome was not known at first."],
  transitions: ["transitions_total", "Instance rows written by those transactions."],
  activitiesStarted: ["activities_started_total", "Deliveries of activities to executors."],
  activitiesCompleted: ["activities_completed_total", "Activities completed."],
  activitiesFailed: ["activities_failed_total", "Activities failed."],
  activitiesRedelivered: ["activities_redelivered_total", "Deliveries after a lost first one."],
  activityResultsRefused: ["activity_results_refused_total", "Results too late, or given twice."],
  timersFired: ["timers_fired_total", "Timers fired."],
  inboxConsumed: ["inbox_consumed_total", "Inbox rows consumed."],
  startsOverloaded: ["starts_overloaded_total", "Starts refused because too much was queued."],
  reconcilerRepairs: ["reconciler_repairs_total", "Instances without a wake source, repaired."],
  leasesLost: ["epochs_lost_total", "Partitions lost to another owner."],
};

const GAUGES: { readonly [Key in keyof Gauges]: readonly [name: string, help: string] } = {
  partitionsOwned: ["partitions_owned", "Partitions that this node owns."],
  queuedCommands: ["queue_commands", "Commands waiting to be decided."],
  inFlightCommits: ["commits_in_flight", "Transactions under way."],
  activitiesRunning: ["activities_running", "Activities being executed here."],
  activitiesQueued: ["activities_queued", "Activities waiting for an executor here."],
  timersLoaded: ["timers_loaded", "Timers held in memory."],
  hotInstances: ["hot_instances", "Instances whose state is in memory."],
  hotBytes: ["hot_bytes", "Bytes of those states."],
};

/** The exposition of everything in `stats`, ending with a line feed. */
export function runtimeMetrics(stats: RuntimeStats): string {
  const lines: string[] = [];
  for (const key of Object.keys(COUNTERS) as (keyof Counters)[]) {
    metric(lines, "counter", COUNTERS[key], stats.counters[key]);
  }
  for (const key of Object.keys(GAUGES) as (keyof Gauges)[]) {
    metric(lines, "gauge", GAUGES[key], stats.gauges[key]);
  }
  latency(
    lines,
    "commit",
    "Time a transaction of the owner's loop took.",
    stats.latencies.commitMs,
  );
  latency(
    lines,
    "timer_lateness",
    "How long after its time a timer was taken up.",
    stats.latencies.timerLatenessMs,
  );
  const { transitions, commits } = stats.counters;
  const size = ["batch_transitions_mean", "Mean transitions in a commit since the start."] as const;
  metric(lines, "gauge", size, commits === 0 ? 0 : transitions / commits);
  return `${lines.join("\n")}\n`;
}

function metric(
  lines: string[],
  type: "counter" | "gauge",
  [name, help]: readonly [name: string, help: string],
  value: number,
): void {
  lines.push(`# HELP millrace_${name} ${help}`, `# TYPE millrace_${name} ${type}`);
  lines.push(`millrace_${name} ${value}`);
}

/** A summary without quantiles (rates of sum and count give the mean of any window) and the largest one ever. */
function latency(lines: string[], name: string, help: string, value: Latency): void {
  lines.push(`# HELP millrace_${name}_seconds ${help}`, `# TYPE millrace_${name}_seconds summary`);
  lines.push(`millrace_${name}_seconds_sum ${value.sum / 1_000}`);
  lines.push(`millrace_${name}_seconds_count ${value.count}`);
  metric(lines, "gauge", [`${name}_max_seconds`, `${help} The largest.`], value.max / 1_000);
}
