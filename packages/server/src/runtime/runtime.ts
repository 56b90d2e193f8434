/** The runtime on PostgreSQL: what the API calls, over the owner's loop and the tables. */
import { isTerminal } from "@millrace/engine";
import { isId, partitionOf } from "@millrace/protocol";
import type { Clock } from "../clock.ts";
import type { Ingest } from "../events/ingest.ts";
import type { Dispatcher } from "../owner/dispatcher.ts";
import type { Leases } from "../owner/leases.ts";
import type { Owner } from "../owner/owner.ts";
import type { Timers } from "../owner/timers.ts";
import {
  DEFAULT_TENANT,
  type Health,
  type InstanceView,
  type QueueDepth,
  type Runtime,
  RuntimeError,
  type RuntimeStats,
  type Signal,
} from "../runtime.ts";
import type { ResourceSource } from "../external/complete.ts";
import type { CalendarSnapshot } from "../scheduler/calendars.ts";
import { checkScheduleCalendars, scheduleApplied } from "./applied-schedule.ts";
import {
  deleteFunction,
  type FunctionParts,
  getFunction,
  listFunctions,
  putFunction,
} from "./functions.ts";
import {
  getHistory,
  getInstance,
  listInstances,
  noInstance,
  readInstance,
  type Reading,
} from "./instances.ts";
import { retryInstance } from "./retry.ts";
import { explained } from "./outage.ts";
import type { Starts } from "./start.ts";
import { submitted } from "./submit.ts";
import { storageStats } from "./storage.ts";
import type { Watchers } from "./watchers.ts";
import { describeInstance } from "./waits.ts";
import { type Caller, within } from "./within.ts";
import { applyWorkflow, completeWorkflow, getWorkflow, listWorkflows } from "./workflows.ts";

export interface Parts extends FunctionParts, Reading {
  readonly owner: Owner;
  readonly dispatcher: Dispatcher;
  readonly timers: Timers;
  readonly leases: Pick<Leases, "renewedAt">;
  readonly starts: Starts;
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly watchers: Watchers;
  readonly partitions: number;
  /** Where the workflows of a tenant find what they take from outside. */
  readonly sourceFor: (tenant: string) => ResourceSource;
  readonly databaseNow: () => number;
  readonly randomBytes: () => Uint8Array;
  readonly calendars: CalendarSnapshot;
}

export function postgresRuntime(parts: Parts): Runtime {
  const { pool, values, starts, watchers, clock } = parts;
  const answered = <T>(work: (caller: Caller) => Promise<T>): Promise<T> =>
    explained(within(clock, work));
  return Object.freeze<Runtime>({
    applyWorkflow: async (request) => {
      const { tenant = DEFAULT_TENANT } = request;
      // What is outside has more time than the database.
      const complete = await explained(completeWorkflow(pool, parts.sourceFor(tenant), request));
      await answered(() => checkScheduleCalendars(parts, tenant, complete));
      const applied = await answered(() => applyWorkflow(pool, tenant, complete));
      starts.forgetLatest();
      await answered((caller) => scheduleApplied(parts, tenant, complete.program, caller));
      return applied;
    },
    getWorkflow: (request) => answered(() => getWorkflow(pool, request)),
    listWorkflows: (request) => answered(() => listWorkflows(pool, request)),
    putFunction: (request) => answered(() => putFunction(parts, request)),
    getFunction: (request) => answered(() => getFunction(parts, request)),
    listFunctions: (request) => answered(() => listFunctions(parts, request)),
    deleteFunction: (request) => answered(() => deleteFunction(parts, request)),
    startInstance: (request) => answered((caller) => starts.start(request, caller)),
    waitInstance: (id, timeoutMs, signal) => explained(waitInstance(parts, id, timeoutMs, signal)),
    getInstance: (id) =>
      answered(() => describeInstance({ pool, values, programs: parts.owner.programs }, id)),
    listInstances: (filter) => answered(() => listInstances(pool, filter)),
    getHistory: (id, after, limit) => answered(() => getHistory(parts, id, after, limit)),
    signalInstance: (id, signal) => answered((caller) => signalInstance(parts, id, signal, caller)),
    retryInstance: (id, retry) => answered((caller) => retryInstance(parts, id, retry, caller)),
    watch: (id, after, signal) => watch(parts, watchers, id, after, signal),
    publishEvents: (events, tenant = DEFAULT_TENANT) =>
      answered(() => parts.ingest.publish(events, tenant)),
    health: () => health(parts),
    stats: () => stats(parts),
    storage: storageStats(pool, clock),
  });
}

async function waitInstance(
  { watchers, owner, ...reading }: Parts,
  id: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<InstanceView> {
  const news = watchers.watch(id);
  const until = performance.now() + timeoutMs;
  try {
    for (;;) {
      const left = until - performance.now();
      const over = left <= 0 || signal?.aborted === true;
      // What the owner holds has not ended, and its end will be told: until then the database need not be asked, which
      // thousands of callers who wait for slow instances would keep busy.
      if (over || !owner.holds(id)) {
        const view = await getInstance(reading, id);
        if (over || isTerminal(view.status)) return view;
      }
      const end = await news.end(left, signal);
      if (end !== undefined) return end;
    }
  } finally {
    news.close();
  }
}

const PAGE = 1000;

async function* watch(
  reading: Reading,
  watchers: Watchers,
  id: string,
  after: number,
  signal?: AbortSignal,
): ReturnType<Runtime["watch"]> {
  const news = watchers.watch(id);
  let seen = after;
  try {
    for (;;) {
      if (signal?.aborted === true) return;
      const { events, next } = await getHistory(reading, id, seen, PAGE);
      for (const event of events) {
        yield event;
        seen = event.seq;
      }
      if (next !== undefined) continue;
      // An earlier end was that of a run that was retried.
      if (ENDS.has(events.at(-1)?.kind ?? "")) return;
      // A watcher that comes after the end has nothing more to expect.
      const { status } = events.length > 0 ? RUNNING : await readInstance(reading.pool, id);
      if (isTerminal(status)) return;
      await news.next(Number.POSITIVE_INFINITY, signal);
    }
  } finally {
    news.close();
  }
}
const RUNNING = { status: "running" } as const;
const ENDS: ReadonlySet<string> = new Set([
  "workflow.completed",
  "workflow.faulted",
  "workflow.cancelled",
]);

async function signalInstance(
  parts: Parts,
  id: string,
  signal: Signal,
  caller: Caller,
): Promise<InstanceView> {
  if (!isId(id)) throw noInstance(id);
  const before = await readInstance(parts.pool, id);
  if (isTerminal(before.status)) throw ended(id, before.status);
  const entry = { instanceId: id, partition: partitionOf(id), command: signal, caller };
  const outcome = await submitted(parts.owner, entry);
  const { status } = outcome.state ?? before;
  // It ended while the signal was on its way; a cancel that found it cancelled has what it wanted.
  const wished = signal.kind === "cancel" && status === "cancelled";
  if (outcome.kind === "ignored" && isTerminal(status) && !wished) throw ended(id, status);
  return getInstance(parts, id);
}

function ended(id: string, status: string): RuntimeError {
  return new RuntimeError("invalid-state", `instance ${id} has ended: it is ${status}`, {
    subject: "instance",
  });
}

/** Milliseconds without a renewal after which a node counts as cut off: a lease's time. */
const CUT_OFF = 6_000;

/**
 * Whether this node can do what it accepts. Reading is not enough, as on a full disk: the renewal of the leases writes, so
 * a refused batch counts until a renewal has gone through after it.
 */
async function health({ pool, owner, leases, clock, partitions }: Parts): Promise<Health> {
  const reasons: string[] = [];
  const { failure } = owner;
  const renewed = leases.renewedAt ?? -Infinity;
  if (failure !== undefined && failure.at > renewed)
    reasons.push(`the database does not take what is written: ${failure.message}`);
  if (clock.monotonic() - renewed > CUT_OFF)
    reasons.push(`the leases could not be renewed for ${CUT_OFF / 1_000} s`);
  const missing = partitions - owner.owned.length;
  if (missing > 0) reasons.push(`${missing} of ${partitions} partitions are not owned here`);
  try {
    await pool.query("SELECT 1");
  } catch (error) {
    reasons.push(`the database does not answer: ${(error as Error).message}`);
  }
  return { ready: reasons.length === 0, reasons };
}

function stats({ owner, dispatcher, timers }: Parts): RuntimeStats {
  const { counts } = owner.counters;
  return {
    counters: { ...counts },
    gauges: {
      partitionsOwned: owner.owned.length,
      queuedCommands: owner.slots.queued,
      inFlightCommits: owner.inFlight,
      activitiesRunning: dispatcher.running,
      activitiesQueued: dispatcher.queued,
      timersLoaded: timers.loaded,
      hotInstances: owner.slots.size,
      hotBytes: owner.slots.hotBytes,
    },
    figures: owner.counters.figures(),
    queues: queues(owner, dispatcher),
  };
}

/** Instances with commands, and activities, by priority. There is one pool yet. */
function queues(owner: Owner, dispatcher: Dispatcher): RuntimeStats["queues"] {
  const of = (queue: QueueDepth["queue"], depths: readonly number[], ages: readonly number[]) =>
    depths.map((depth, priority) => {
      const oldestMs = ages[priority] ?? 0;
      return { queue, pool: "default", priority, depth, oldestMs };
    });
  return [
    ...of("commands", owner.slots.depths(), owner.slots.oldest()),
    ...of("activities", dispatcher.depths(), dispatcher.oldest()),
  ];
}
