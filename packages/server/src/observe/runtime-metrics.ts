/** What the runtime counts, as metrics. */
import type { HistogramView } from "../owner/histogram.ts";
import type { RuntimeStats, StorageStats } from "../runtime.ts";
import { type Family, inSeconds, single } from "./families.ts";

type Counters = RuntimeStats["counters"];
type Gauges = RuntimeStats["gauges"];
type Figures = RuntimeStats["figures"];

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
  instancesHeldUp: [
    "instances_held_up_total",
    "Times that an instance could not go on for want of a large value.",
  ],
  eventsReceived: ["events_received_total", "Events received."],
  eventsDuplicate: ["events_duplicate_total", "Events received before, by source and id."],
  eventsUnmatched: ["events_unmatched_total", "Events that no filter of a workflow lets pass."],
  eventsMatched: ["events_matched_total", "Events that pass the filter of a workflow."],
  eventsDelivered: ["events_delivered_total", "Events sent to who waits for them."],
  eventsRefused: ["events_refused_total", "Events sent to an instance that did not take them."],
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

const FIGURES: {
  readonly [Key in keyof Figures]: readonly [name: string, help: string, unit: "seconds" | ""];
} = {
  commitMs: ["commit_seconds", "Time a transaction of the owner's loop took.", "seconds"],
  batchTransitions: ["batch_transitions", "Instance rows that one such transaction wrote.", ""],
  timerLatenessMs: [
    "timer_lateness_seconds",
    "How long after its time a timer was taken up.",
    "seconds",
  ],
  scheduleLatenessMs: [
    "schedule_lateness_seconds",
    "How long after the time of a schedule its instance started.",
    "seconds",
  ],
};

/** Everything in `stats`, and of the database what is known. */
export function runtimeFamilies(stats: RuntimeStats, storage?: StorageStats): readonly Family[] {
  const families: Family[] = [];
  for (const key of Object.keys(COUNTERS) as (keyof Counters)[])
    families.push(single("counter", ...named(COUNTERS[key]), stats.counters[key]));
  for (const key of Object.keys(GAUGES) as (keyof Gauges)[])
    families.push(single("gauge", ...named(GAUGES[key]), stats.gauges[key]));
  for (const key of Object.keys(FIGURES) as (keyof Figures)[])
    families.push(...figure(FIGURES[key], stats.figures[key]));
  families.push(...queues(stats.queues));
  return storage === undefined ? families : [...families, ...stored(storage)];
}

function named([name, help]: readonly [name: string, help: string]): [string, string] {
  return [`millrace_${name}`, help];
}

/** A histogram and, where it is a time, the largest one ever: a bucket does not say it. */
function figure(
  [name, help, unit]: (typeof FIGURES)[keyof Figures],
  view: HistogramView,
): readonly Family[] {
  const histogram = unit === "seconds" ? inSeconds(view) : view;
  const family: Family = {
    name: `millrace_${name}`,
    help,
    type: "histogram",
    samples: [{ labels: {}, histogram }],
  };
  if (unit === "") return [family];
  const largest = name.replace(/_seconds$/, "_max_seconds");
  return [family, single("gauge", `millrace_${largest}`, `${help} The largest.`, histogram.max)];
}

function queues(depths: RuntimeStats["queues"]): readonly Family[] {
  const labelled = (value: (depth: RuntimeStats["queues"][number]) => number) =>
    depths.map((depth) => {
      const { queue, pool, priority } = depth;
      return { labels: { queue, pool, priority: `P${priority}` }, value: value(depth) };
    });
  return [
    {
      name: "millrace_queue_depth",
      help: "What waits here by queue, pool and priority.",
      type: "gauge",
      samples: labelled(({ depth }) => depth),
    },
    {
      name: "millrace_queue_age_seconds",
      help: "How long the first one there has waited.",
      type: "gauge",
      samples: labelled(({ oldestMs }) => oldestMs / 1_000),
    },
  ];
}

function stored({ inboxMessages, tables }: StorageStats): readonly Family[] {
  const of = (value: (table: StorageStats["tables"][number]) => number) =>
    tables.map((table) => ({ labels: { table: table.name }, value: value(table) }));
  return [
    single(
      "gauge",
      "millrace_inbox_messages",
      "Commands in the database's inbox, counted up to 100,000.",
      inboxMessages,
    ),
    {
      name: "millrace_table_rows",
      help: "Rows of a table, as PostgreSQL estimates them.",
      type: "gauge",
      samples: of(({ rows }) => rows),
    },
    {
      name: "millrace_table_bytes",
      help: "Size of a table with its indexes.",
      type: "gauge",
      samples: of(({ bytes }) => bytes),
    },
  ];
}
