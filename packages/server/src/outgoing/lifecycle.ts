/**
 * Lifecycle CloudEvents (DSL reference "Lifecycle Events"), made from the facts of one decision. A pure function: the same
 * decision gives the same events with the same ids.
 *
 * An id is `<instance>-<seq of the fact>`, with `-1`, `-2` … for what else the same fact says. What no fact says is read from
 * the state: a workflow that now only waits for time, the tasks that a suspension halts, a `listen` that begins or ends.
 * docs/lifecycle-events.md has the table.
 */
import type { HistoryEvent, State, Status } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import type { WorkflowVersion } from "../store/store.ts";
import { includes, type LifecycleType, type TypeSet } from "./types.ts";

export interface LifecycleContext {
  readonly workflow: Pick<WorkflowVersion, "namespace" | "name" | "version">;
  /** Undefined for a start. */
  readonly before: State | undefined;
  readonly after: State;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** In order. Only of the types `wanted`. */
export function lifecycleEvents(
  facts: readonly HistoryEvent[],
  context: LifecycleContext,
  wanted: TypeSet,
): readonly JsonObject[] {
  const told = new Telling(context, wanted);
  for (const fact of facts) tell(fact, told, context);
  told.phase(context.after.status, facts.at(-1));
  return told.events;
}

/** The `source` of lifecycle events; `emit` uses one of its own, so the ids of both may be alike. */
export function lifecycleSource({
  namespace,
  name,
  version,
}: LifecycleContext["workflow"]): string {
  return `/millrace/workflows/${namespace}/${name}/${version}`;
}

type Fact = HistoryEvent;
type Frame = State["frames"][string];
type WorkflowWord =
  | "started"
  | "suspended"
  | "resumed"
  | "correlation-started"
  | "correlation-completed"
  | "cancelled"
  | "faulted"
  | "completed";
type TaskWord =
  | "created"
  | "started"
  | "suspended"
  | "resumed"
  | "retried"
  | "cancelled"
  | "faulted"
  | "completed";

class Telling {
  readonly events: JsonObject[] = [];
  readonly #context: LifecycleContext;
  readonly #wanted: TypeSet;
  /** The phase of the workflow as told so far. */
  #status: Status;
  #seq = 0;
  #said = 0;

  constructor(context: LifecycleContext, wanted: TypeSet) {
    this.#context = context;
    this.#wanted = wanted;
    this.#status = context.before?.status ?? "pending";
  }

  wants(type: LifecycleType): boolean {
    return includes(this.#wanted, type);
  }

  workflow(word: WorkflowWord, fact: Fact, more: JsonObject = {}): void {
    const at = new Date(fact.at).toISOString();
    const name = this.#name();
    this.#add(`io.serverlessworkflow.workflow.${word}.v1`, this.#next(fact), at, () => ({
      name,
      ...more,
      [timeName(word)]: at,
    }));
  }

  /** The workflow is in this phase from `fact` on; nothing to say when it was before. */
  status(status: Status, fact: Fact): void {
    if (status === this.#status) return;
    this.#statusChanged(status, this.#next(fact), fact.at);
  }

  /** The phase at the end of the decision, which no fact says when the workflow waits for nothing but time. */
  phase(status: Status, last: Fact | undefined): void {
    if (status === this.#status) return;
    const { after, now } = this.#context;
    const suffix = last === undefined ? `${after.seq}-${status}` : this.#next(last);
    this.#statusChanged(status, suffix, last?.at ?? now);
  }

  task(word: TaskWord, task: TaskOfFact, fact: Fact, more: JsonObject = {}): void {
    const at = new Date(fact.at).toISOString();
    this.#add(
      `io.serverlessworkflow.task.${word}.v1`,
      this.#next(fact),
      at,
      () => ({ workflow: this.#name(), task: task.task, [timeName(word)]: at, ...more }),
      task.occurrence,
    );
  }

  taskStatus(status: Status, task: TaskOfFact, fact: Fact): void {
    const at = new Date(fact.at).toISOString();
    this.#add(
      "io.serverlessworkflow.task.status-changed.v1",
      this.#next(fact),
      at,
      () => ({ workflow: this.#name(), task: task.task, updatedAt: at, status }),
      task.occurrence,
    );
  }

  #statusChanged(status: Status, suffix: string, time: number): void {
    this.#status = status;
    const at = new Date(time).toISOString();
    this.#add("io.serverlessworkflow.workflow.status-changed.v1", suffix, at, () => ({
      name: this.#name(),
      updatedAt: at,
      status,
    }));
  }

  /** Counts whether or not the event is wanted, so that an id does not depend on who listens. */
  #next({ seq }: Fact): string {
    if (seq !== this.#seq) {
      this.#seq = seq;
      this.#said = 0;
    }
    const suffix = this.#said === 0 ? String(seq) : `${seq}-${this.#said}`;
    this.#said += 1;
    return suffix;
  }

  /** "Qualified name of the workflow", as the reference's examples have it: `orderPet-ix7iryakiem8j.samples`. */
  #name(): string {
    const { workflow, after } = this.#context;
    return `${workflow.name}-${after.id}.${workflow.namespace}`;
  }

  #add(
    type: LifecycleType,
    suffix: string,
    time: string,
    data: () => JsonObject,
    occurrence?: string,
  ): void {
    if (!this.wants(type)) return;
    const { workflow, after } = this.#context;
    this.events.push({
      specversion: "1.0",
      id: `${after.id}-${suffix}`,
      source: lifecycleSource(workflow),
      type,
      subject: after.id,
      time,
      datacontenttype: "application/json",
      ...(occurrence === undefined ? {} : { occurrence }),
      // CloudEvents "Distributed Tracing" extension, where the instance belongs to a trace of its caller.
      ...after.trace,
      data: data(),
    });
  }
}

interface TaskOfFact {
  readonly task: string;
  readonly occurrence: string;
}

/** `startedAt`, `suspendedAt` … as the reference names them; the correlation's are those of the last word. */
function timeName(word: WorkflowWord | TaskWord): string {
  return `${word.split("-").at(-1)}At`;
}

function tell(fact: Fact, told: Telling, { workflow, before, after }: LifecycleContext): void {
  switch (fact.kind) {
    case "workflow.started":
      told.workflow("started", fact, { definition: definitionOf(workflow) });
      return told.status("running", fact);
    case "workflow.suspended":
      told.workflow("suspended", fact);
      told.status("suspended", fact);
      return tellTasks("suspended", fact, before, told);
    case "workflow.resumed":
      told.workflow("resumed", fact);
      told.status("running", fact);
      return tellTasks("resumed", fact, before, told);
    case "workflow.retried":
      told.workflow("resumed", fact);
      return told.status("running", fact);
    case "workflow.cancelled":
      told.workflow("cancelled", fact);
      return told.status("cancelled", fact);
    case "workflow.faulted":
      told.workflow("faulted", fact, { error: fact.error as unknown as JsonObject });
      return told.status("faulted", fact);
    case "workflow.completed":
      told.workflow("completed", fact, { output: fact.output });
      return told.status("completed", fact);
    case "workflow.correlation.started":
      return told.workflow("correlation-started", fact);
    case "workflow.correlation.completed":
      return told.workflow("correlation-completed", fact, { correlationKeys: fact.keys });
    default:
      return tellTask(fact, told, after);
  }
}

function definitionOf({ namespace, name, version }: LifecycleContext["workflow"]): JsonObject {
  return { name, namespace, version };
}

/** Halting a workflow halts what it does: every task that has begun and not ended. */
function tellTasks(
  word: "suspended" | "resumed",
  fact: Fact,
  before: State | undefined,
  told: Telling,
): void {
  if (before === undefined) return;
  for (const frame of Object.values(before.frames)) {
    // The root is the workflow; a task with extensions around it has a frame of its own inside.
    if (frame.kind === "root" || frame.kind === "extended") continue;
    const task = { task: frame.ref, occurrence: frame.id };
    told.task(word, task, fact);
    told.taskStatus(word === "suspended" ? "suspended" : phaseOf(frame), task, fact);
  }
}

function phaseOf(frame: Frame | undefined): Status {
  return frame?.kind === "wait" || frame?.kind === "listen" ? "waiting" : "running";
}

type TaskFact = Extract<Fact, { readonly kind: `task.${string}` }>;

function tellTask(fact: TaskFact, told: Telling, after: State): void {
  const frame = after.frames[fact.occurrence];
  switch (fact.kind) {
    case "task.started":
      told.task("created", fact, fact);
      told.taskStatus("pending", fact, fact);
      told.task("started", fact, fact);
      told.taskStatus("running", fact, fact);
      if (phaseOf(frame) === "waiting") told.taskStatus("waiting", fact, fact);
      return;
    case "task.skipped":
      // Its `if` was false: there was a task, it did nothing, and the flow goes on.
      told.task("created", fact, fact);
      told.taskStatus("pending", fact, fact);
      told.task("completed", fact, fact);
      return told.taskStatus("completed", fact, fact);
    case "task.completed":
      told.task("completed", fact, fact, fact.output === undefined ? {} : { output: fact.output });
      return told.taskStatus("completed", fact, fact);
    case "task.faulted":
      told.task("faulted", fact, fact, { error: fact.error as unknown as JsonObject });
      return told.taskStatus("faulted", fact, fact);
    case "task.cancelled":
      told.task("cancelled", fact, fact);
      return told.taskStatus("cancelled", fact, fact);
    case "task.retried":
      return told.task("retried", fact, fact);
  }
}
