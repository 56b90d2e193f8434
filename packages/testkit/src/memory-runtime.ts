/**
 * A {@link Runtime} in memory, for tests of the API alone: it keeps what it is told, runs nothing, and a test moves its
 * instances on with `append` and `end`. Its answers to misuse are the real runtime's.
 */
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { HistoryEvent, Status, WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import { DEFAULT_PRIORITY, isFinal, newId } from "@millrace/protocol";
import {
  type CloudEventObject,
  type FunctionView,
  type InstanceFilter,
  type InstanceView,
  type Retry,
  type Runtime,
  RuntimeError,
  type RuntimeStats,
  type Signal,
  type StartInstance,
  type WorkflowView,
} from "@millrace/server/runtime";

type WithoutPlace<Each> = Each extends HistoryEvent ? Omit<Each, "seq" | "at"> : never;
/** A fact without its place in a history. */
type Fact = WithoutPlace<HistoryEvent>;

interface Entry {
  view: InstanceView;
  readonly history: HistoryEvent[];
}

/** Instants given to what is stored: each is a second after the one before. */
const EPOCH = Date.UTC(2026, 10, 5, 12);

export class MemoryRuntime implements Runtime {
  readonly workflows: WorkflowView[] = [];
  readonly functions = new Map<string, FunctionView>();
  readonly instances = new Map<string, Entry>();
  readonly keys = new Map<string, { readonly id: string; readonly request: string }>();
  readonly events = new Map<string, CloudEventObject>();
  /** The key of each instance's last retry. */
  readonly retries = new Map<string, string>();
  /** When set, what would accept work rejects with it. */
  refusal: Error | undefined;
  /** What `health` says is missing. */
  reasons: string[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #time = EPOCH;

  #tick(): number {
    this.#time += 1_000;
    return this.#time;
  }

  async applyWorkflow({ text }: { readonly text: string }) {
    if (this.refusal) throw this.refusal;
    const definition = parse(text);
    const document = definition["document"] as Record<string, string>;
    const identity = {
      namespace: document["namespace"] as string,
      name: document["name"] as string,
      version: document["version"] as string,
    };
    const digest = createHash("sha256").update(JSON.stringify(definition)).digest("hex");
    const known = this.workflows.find(
      (each) => each.version === identity.version && same(each, identity),
    );
    if (known && known.digest !== digest) {
      throw new RuntimeError(
        "conflict",
        `${identity.namespace}/${identity.name} ${identity.version}`,
      );
    }
    if (known) return { outcome: "unchanged" as const, workflow: known };
    const workflow = { ...identity, digest, definition, text, createdAt: this.#tick() };
    this.workflows.push(workflow);
    return { outcome: "created" as const, workflow };
  }

  async getWorkflow(request: { namespace: string; name: string; version?: string }) {
    const found = this.workflows.findLast(
      (each) =>
        same(each, request) && (request.version === undefined || request.version === each.version),
    );
    if (found) return found;
    throw new RuntimeError("not-found", `no workflow ${request.namespace}/${request.name}`, {
      subject: "workflow",
    });
  }

  async listWorkflows(request: {
    limit: number;
    cursor?: string;
    namespace?: string;
    name?: string;
  }) {
    const all = this.workflows.filter(
      (each) =>
        (request.namespace === undefined || each.namespace === request.namespace) &&
        (request.name === undefined || each.name === request.name),
    );
    return page(all, request.limit, request.cursor);
  }

  async putFunction({ name, version, text }: { name: string; version: string; text: string }) {
    if (this.refusal) throw this.refusal;
    if (!/^\s*[{\w]/.test(text)) {
      const issues = [{ path: "", message: "expected a task" }];
      throw new RuntimeError("invalid-function", "expected a task", { issues });
    }
    const view = { name, version, source: "api" as const, updatedAt: this.#tick(), text };
    const created = !this.functions.has(`${name}:${version}`);
    this.functions.set(`${name}:${version}`, view);
    return { created, function: view };
  }

  async getFunction({ name, version }: { name: string; version: string }) {
    const found = this.functions.get(`${name}:${version}`);
    if (found) return found;
    throw new RuntimeError("not-found", `no function ${name}`, { subject: "function" });
  }

  async listFunctions(request: { limit: number; cursor?: string }) {
    const all = [...this.functions.values()].map((each) => {
      const { name, version, source, updatedAt } = each;
      return { name, version, source, updatedAt };
    });
    return page(all, request.limit, request.cursor);
  }

  async deleteFunction(request: { name: string; version: string }) {
    const { name, version } = await this.getFunction(request);
    this.functions.delete(`${name}:${version}`);
  }

  async startInstance(start: StartInstance) {
    if (this.refusal) throw this.refusal;
    const workflow = await this.getWorkflow(start);
    const request = JSON.stringify([start.version ?? null, start.input]);
    const key = `${start.namespace}/${start.name}/${start.idempotencyKey}`;
    const known = start.idempotencyKey === undefined ? undefined : this.keys.get(key);
    if (known && known.request !== request) throw new RuntimeError("key-reuse", "key used before");
    if (known) return { id: known.id, created: false };
    const id = this.#create(workflow, start);
    if (start.idempotencyKey !== undefined) this.keys.set(key, { id, request });
    return { id, created: true };
  }

  #create(
    { namespace, name, version }: WorkflowView,
    { input, priority = DEFAULT_PRIORITY }: { input: Json; priority?: number },
  ): string {
    const at = this.#tick();
    const id = newId(7, at, crypto.getRandomValues(new Uint8Array(10)));
    const status: Status = "running";
    const view = { id, namespace, name, version, status, priority, input };
    this.instances.set(id, { view: { ...view, createdAt: at, updatedAt: at }, history: [] });
    this.append(id, { kind: "workflow.started", input });
    return id;
  }

  /** Adds a fact to an instance's history. */
  append(id: string, fact: Fact): void {
    const { history } = this.#entry(id);
    history.push({ ...fact, seq: history.length + 1, at: this.#tick() });
    this.#changes.emit(id);
  }

  /** What reading the instance tells besides. */
  describe(id: string, more: Pick<InstanceView, "waitingFor" | "fault">): void {
    const entry = this.#entry(id);
    entry.view = { ...entry.view, ...more };
  }

  /** Ends an instance as faulted. */
  fault(id: string, error: WorkflowError): void {
    const entry = this.#entry(id);
    const at = this.#tick();
    const { waitingFor: _, ...view } = entry.view;
    entry.view = { ...view, status: "faulted", error, updatedAt: at, endedAt: at };
    this.append(id, { kind: "workflow.faulted", error });
  }

  /** Ends an instance as completed. */
  end(id: string, output: Json): void {
    const entry = this.#entry(id);
    const at = this.#tick();
    entry.view = { ...entry.view, status: "completed", output, updatedAt: at, endedAt: at };
    this.append(id, { kind: "workflow.completed", output });
  }

  async waitInstance(id: string, timeoutMs: number, signal?: AbortSignal): Promise<InstanceView> {
    const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
    while (!isFinal(this.#entry(id).view.status) && !limit.aborted) {
      await once(this.#changes, id, { signal: limit }).catch(() => {});
    }
    return this.#entry(id).view;
  }

  async getInstance(id: string) {
    return this.#entry(id).view;
  }

  async listInstances(filter: InstanceFilter) {
    const all = [...this.instances.values()]
      .map(({ view }) => view)
      .filter(
        (view) =>
          (filter.name === undefined || view.name === filter.name) &&
          (filter.status === undefined || filter.status.includes(view.status)) &&
          (filter.priority === undefined || filter.priority.includes(view.priority)) &&
          (filter.since === undefined || view.createdAt >= filter.since) &&
          (filter.until === undefined || view.createdAt < filter.until),
      )
      .sort((a, b) => b.createdAt - a.createdAt);
    return page(all, filter.limit, filter.cursor);
  }

  async getHistory(id: string, after: number, limit: number) {
    const rest = this.#entry(id).history.filter(({ seq }) => seq > after);
    const events = rest.slice(0, limit);
    return events.length < rest.length ? { events, next: after + events.length } : { events };
  }

  async signalInstance(id: string, signal: Signal) {
    const entry = this.#entry(id);
    if (isFinal(entry.view.status)) throw new RuntimeError("invalid-state", `${id} has ended`);
    const [status, fact] = SIGNALS[signal.kind];
    entry.view = { ...entry.view, status, updatedAt: this.#tick() };
    this.append(id, { ...signal, kind: fact });
    return entry.view;
  }

  async retryInstance(id: string, { from, idempotencyKey }: Retry) {
    const entry = this.#entry(id);
    if (idempotencyKey !== undefined && this.retries.get(id) === idempotencyKey) return entry.view;
    if (entry.view.status !== "faulted")
      throw new RuntimeError("not-retryable", `it is ${entry.view.status}, not faulted`);
    if (from === "nobody") {
      const issues = [{ path: "body.from", message: "no task nobody" }];
      throw new RuntimeError("invalid-input", "body.from: no task nobody", { issues });
    }
    if (idempotencyKey !== undefined) this.retries.set(id, idempotencyKey);
    const { endedAt: _, error: __, fault: ___, ...rest } = entry.view;
    entry.view = { ...rest, status: "running", updatedAt: this.#tick() };
    this.append(id, { kind: "workflow.retried", ...(from === undefined ? {} : { from }) });
    return entry.view;
  }

  async *watch(
    id: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncIterableIterator<HistoryEvent> {
    for (let seq = after; ; seq += 1) {
      while (this.#entry(id).history.length <= seq) {
        if (signal?.aborted || isFinal(this.#entry(id).view.status)) return;
        await once(this.#changes, id, signal ? { signal } : {}).catch(() => {});
      }
      yield this.#entry(id).history[seq] as HistoryEvent;
    }
  }

  async publishEvents(events: readonly CloudEventObject[]) {
    if (this.refusal) throw this.refusal;
    const before = this.events.size;
    for (const event of events)
      this.events.set(JSON.stringify([event["source"], event["id"]]), event);
    const accepted = this.events.size - before;
    return { accepted, duplicates: events.length - accepted };
  }

  async health() {
    return { ready: this.reasons.length === 0, reasons: this.reasons };
  }

  stats(): RuntimeStats {
    return STATS;
  }

  async storage() {
    return { inboxMessages: 2, tables: [{ name: "instances", rows: 7, bytes: 8192 }] };
  }

  #entry(id: string): Entry {
    const entry = this.instances.get(id);
    if (entry) return entry;
    throw new RuntimeError("not-found", `no instance ${id}`, { subject: "instance" });
  }
}

const SIGNALS = {
  cancel: ["cancelled", "workflow.cancelled"],
  suspend: ["suspended", "workflow.suspended"],
  resume: ["running", "workflow.resumed"],
} as const;

/** JSON, or YAML in the one shape that tests use: `key: value` lines under `document:`. */
function parse(text: string): JsonObject {
  if (text.startsWith("{")) return JSON.parse(text) as JsonObject;
  const pairs = [...text.matchAll(/^ {2}(\w+): *(\S+)$/gm)].map(([, key, value]) => [key, value]);
  const document = Object.fromEntries(pairs) as Record<string, string>;
  if (document["version"] !== undefined) return { document, do: [] };
  throw new RuntimeError("invalid-workflow", "document.version: required", {
    issues: [{ path: "document.version", line: 1, column: 1, message: "required" }],
  });
}

function same(a: { namespace: string; name: string }, b: { namespace: string; name: string }) {
  return a.namespace === b.namespace && a.name === b.name;
}

/** The cursor is the position after the last row. */
function page<T>(all: readonly T[], limit: number, cursor: string | undefined) {
  const from = cursor === undefined ? 0 : Number(cursor);
  if (Number.isNaN(from)) throw new RuntimeError("invalid-input", "not a cursor");
  const items = all.slice(from, from + limit);
  return from + limit < all.length ? { items, nextCursor: String(from + limit) } : { items };
}

const STATS: RuntimeStats = {
  counters: {
    instancesStarted: 7,
    instancesCompleted: 5,
    instancesFaulted: 1,
    instancesCancelled: 0,
    commandsApplied: 40,
    commandsIgnored: 2,
    commits: 10,
    commitFailures: 0,
    commitsUnknown: 0,
    transitions: 30,
    activitiesStarted: 0,
    activitiesCompleted: 0,
    activitiesFailed: 0,
    activitiesRedelivered: 0,
    activityResultsRefused: 0,
    timersFired: 0,
    inboxConsumed: 0,
    startsOverloaded: 0,
    reconcilerRepairs: 0,
    leasesLost: 0,
    eventsReceived: 0,
    eventsDuplicate: 0,
    eventsUnmatched: 0,
    eventsMatched: 0,
    eventsDelivered: 0,
    eventsRefused: 0,
    instancesHeldUp: 0,
  },
  gauges: {
    partitionsOwned: 64,
    queuedCommands: 3,
    inFlightCommits: 1,
    activitiesRunning: 0,
    activitiesQueued: 0,
    timersLoaded: 0,
    hotInstances: 1,
    hotBytes: 900,
  },
  figures: {
    commitMs: { bounds: [1, 5], counts: [3, 6, 1], count: 10, sum: 25, max: 9 },
    batchTransitions: { bounds: [5], counts: [10, 0], count: 10, sum: 30, max: 4 },
    timerLatenessMs: { bounds: [1], counts: [0, 0], count: 0, sum: 0, max: 0 },
    scheduleLatenessMs: { bounds: [1], counts: [0, 0], count: 0, sum: 0, max: 0 },
  },
  queues: [{ queue: "commands", pool: "default", priority: 2, depth: 3, oldestMs: 40 }],
};
