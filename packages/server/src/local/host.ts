/**
 * Runs one instance to its end in this process, without a database: what `millrace run` and the conformance tests use.
 *
 * The same `decide` as the server's, commands from one queue, timers of the machine, activities from the given executor,
 * child workflows from the given programs. Nothing survives the process.
 */
import {
  type Command,
  decide,
  type Effect,
  type HistoryEvent,
  isTerminal,
  type ParentLink,
  SAFE_DEPTH,
  type ScheduleActivity,
  standardError,
  type State,
} from "@millrace/engine";
import type { Json, JsonObject, Program } from "@millrace/language";
import type { ActivityExecutor } from "../activities/executor.ts";
import { type Clock, systemClock } from "../clock.ts";
import { Feeding } from "../owner/feeding.ts";
import { LocalEvents } from "./events.ts";

export interface LocalOptions {
  readonly executor: ActivityExecutor;
  readonly clock?: Clock;
  /** Finds the program of a `run: workflow`; `undefined` when there is none. */
  readonly find?: (namespace: string, name: string, version: string) => Program | undefined;
  /** Called with each fact as it happens. */
  readonly onEvent?: (event: HistoryEvent, instanceId: string) => void;
  /** Called with each event the workflow emits. */
  readonly onEmit?: (event: JsonObject) => void;
  /** What its `listen` tasks hear, and what it emits. Without them it hears what it and its children emit. */
  readonly events?: LocalEvents;
  /** Cancels the instance. */
  readonly signal?: AbortSignal;
  readonly runtime?: { readonly name: string; readonly version: string };
}

export interface LocalResult {
  readonly state: State;
  readonly history: readonly HistoryEvent[];
}

/** All that waits, waits for an event, and nobody is left who could send it. */
export class DeafError extends Error {
  override readonly name = "DeafError";
}

/** What is shared by an instance and its children. */
interface Group extends LocalOptions {
  readonly events: LocalEvents;
  readonly members: Set<LocalInstance>;
  /** Ends the wait of the first of them. Absent when events come from elsewhere too. */
  readonly giveUp?: (error: DeafError) => void;
}

/**
 * Resolves when the instance has ended, however it ended.
 * @throws {DeafError} when it waits for an event and there are no `events` from elsewhere
 */
export function runToEnd(
  program: Program,
  instanceId: string,
  input: Json,
  options: LocalOptions,
): Promise<LocalResult> {
  return new Promise((resolve, reject) => {
    const clock = options.clock ?? systemClock();
    const group: Group = {
      ...options,
      events: options.events ?? new LocalEvents(() => ({ now: clock.now() })),
      members: new Set(),
      ...(options.events === undefined && { giveUp: reject }),
    };
    const host = new LocalInstance(program, instanceId, group, resolve, reject);
    host.send({ kind: "start", instanceId, input });
    const { signal } = options;
    if (signal?.aborted === true) host.send({ kind: "cancel" });
    else signal?.addEventListener("abort", () => host.send({ kind: "cancel" }), { once: true });
  });
}

class LocalInstance {
  readonly #program: Program;
  readonly #id: string;
  readonly #options: Group;
  readonly #clock: Clock;
  readonly #resolve: (result: LocalResult) => void;
  readonly #reject: (error: unknown) => void;
  readonly #history: HistoryEvent[] = [];
  readonly #timers = new Map<string, () => void>();
  readonly #running = new Map<string, AbortController>();
  readonly #feedings = new Map<string, Feeding>();
  readonly #queue: Command[] = [];
  #state: State | undefined;
  #busy = false;
  /** Events on their way. */
  #arriving = 0;
  /** Calls and processes under way. */
  readonly #working = new Set<string>();
  readonly #children = new Set<string>();

  constructor(
    program: Program,
    id: string,
    options: Group,
    resolve: (result: LocalResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.#program = program;
    this.#id = id;
    this.#options = options;
    this.#clock = options.clock ?? systemClock();
    this.#resolve = resolve;
    this.#reject = reject;
    options.members.add(this);
    // Later: an event may come from inside another instance's decision.
    options.events.join(id, program, (seq, event) => {
      this.#arriving += 1;
      queueMicrotask(() => {
        this.#arriving -= 1;
        this.send({ kind: "event.delivered", seq, event });
      });
    });
  }

  /** True when only an event can bring it on. */
  get isDeaf(): boolean {
    if (this.#arriving + this.#timers.size + this.#working.size > 0) return false;
    const ids = new Set([...this.#options.members].map((member) => member.#id));
    // A child that has ended is about to say so.
    return [...this.#children].every((childId) => ids.has(`${this.#id}.${childId}`));
  }

  /** Queues a command; commands are applied one at a time, in order. */
  send(command: Command): void {
    this.#queue.push(command);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
        this.#apply(next);
    } catch (error) {
      this.#stop();
      this.#reject(error);
    } finally {
      this.#busy = false;
    }
    this.#lookForSenders();
  }

  /** Nobody here can send an event any more, and somebody waits for one: say so instead of waiting for ever. */
  #lookForSenders(): void {
    const { giveUp, members } = this.#options;
    if (giveUp === undefined || members.size === 0) return;
    if (![...members].every((member) => member.isDeaf)) return;
    const tasks = [...members].flatMap((member) => member.#listens());
    for (const member of members) member.#stop();
    giveUp(new DeafError(`${tasks.join(", ")}: listens, and nothing that runs here sends events`));
  }

  #listens(): readonly string[] {
    const frames = Object.values(this.#state?.frames ?? {});
    return frames.flatMap(({ kind, ref }) => (kind === "listen" ? [ref] : []));
  }

  #apply(command: Command): void {
    if (this.#state !== undefined && isTerminal(this.#state.status)) return;
    const decision = decide(this.#program, this.#state, command, {
      now: this.#clock.now(),
      random: Math.random,
      monotonic: () => this.#clock.monotonic(),
      // What ends here is printed, and events are.
      maxDepth: SAFE_DEPTH,
      runtime: this.#options.runtime ?? { name: "Millrace", version: "0.1.0" },
    });
    this.#state = decision.state;
    for (const event of decision.events) {
      this.#history.push(event);
      this.#options.onEvent?.(event, this.#id);
    }
    if (command.kind === "event.delivered" && !decision.applied)
      this.#options.events.giveBack(this.#id, [command.seq]);
    for (const effect of decision.effects) this.#perform(effect);
    if (!isTerminal(decision.state.status)) return;
    this.#stop();
    this.#resolve({ state: decision.state, history: this.#history });
  }

  #stop(): void {
    this.#options.members.delete(this);
    this.#options.events.leave(this.#id);
    for (const cancel of this.#timers.values()) cancel();
    for (const controller of this.#running.values()) controller.abort();
    this.#timers.clear();
    this.#running.clear();
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "timer.set":
        this.#setTimer(effect.timerId, effect.at);
        break;
      case "timer.clear":
        this.#timers.get(effect.timerId)?.();
        this.#timers.delete(effect.timerId);
        break;
      case "activity.schedule":
        void this.#execute(effect);
        break;
      case "activity.next":
        this.#feedings.get(effect.activityId)?.next(effect.itemId);
        break;
      case "activity.cancel":
        this.#feedings.get(effect.activityId)?.end();
        this.#running.get(effect.activityId)?.abort();
        break;
      case "child.start":
        void this.#startChild(effect);
        break;
      case "child.cancel":
        this.#running.get(effect.childId)?.abort();
        break;
      case "event.emit":
        this.#options.events.publish(effect.event);
        this.#options.onEmit?.(effect.event);
        break;
      case "subscription.set":
        this.#options.events.set(this.#id, effect.subscriptionId, effect.filters);
        break;
      case "subscription.clear":
        this.#options.events.clear(this.#id, effect.subscriptionId);
        break;
      case "event.returned":
        this.#options.events.giveBack(this.#id, effect.seqs);
        break;
    }
  }

  #setTimer(timerId: string, at: number): void {
    this.#timers.get(timerId)?.();
    const wait = at - this.#clock.now();
    // A machine's timer may be early by a millisecond and cannot wait for weeks: look again then.
    const due = (): void => {
      if (this.#clock.now() < at) return this.#setTimer(timerId, at);
      this.#timers.delete(timerId);
      this.send({ kind: "timer.fired", timerId });
    };
    this.#timers.set(timerId, this.#clock.after(wait, due));
  }

  async #execute(effect: ScheduleActivity): Promise<void> {
    const { kind: _, ...activity } = effect;
    const controller = new AbortController();
    this.#running.set(effect.activityId, controller);
    this.#working.add(effect.activityId);
    const { activityId, reference } = effect;
    const feeding = new Feeding(1, ({ itemId, item }) => {
      // Nothing is more durable here than memory.
      feeding.taken(itemId);
      this.send({ kind: "activity.item", activityId, itemId, item });
    });
    this.#feedings.set(activityId, feeding);
    const { namespace, name, version } = this.#program;
    try {
      const result = await this.#options.executor.execute(
        {
          tenant: "default",
          instanceId: this.#id,
          workflow: { namespace, name, version },
          attempt: 1,
          ...activity,
        },
        controller.signal,
        feeding.feed,
      );
      this.#working.delete(activityId);
      if ("output" in result)
        this.send({ kind: "activity.completed", activityId, output: result.output });
      else this.send({ kind: "activity.failed", activityId, error: result.error });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const failure = standardError("runtime", detail, reference);
      this.#working.delete(activityId);
      this.send({ kind: "activity.failed", activityId, error: failure });
    } finally {
      feeding.end();
      this.#feedings.delete(activityId);
      this.#running.delete(activityId);
    }
  }

  async #startChild(effect: Extract<Effect, { kind: "child.start" }>): Promise<void> {
    const { namespace, name, version, childId, depth } = effect;
    const program = this.#options.find?.(namespace, name, version);
    if (program === undefined) {
      if (effect.detached) return;
      const detail = `there is no workflow ${namespace}/${name} of version ${version}`;
      const error = standardError("configuration", detail, "/");
      this.send({ kind: "child.finished", childId, result: { status: "faulted", error } });
      return;
    }
    const controller = new AbortController();
    if (!effect.detached) {
      this.#running.set(childId, controller);
      this.#children.add(childId);
    }
    const parent: ParentLink = { instanceId: this.#id, childId, depth };
    const { state } = await runChild(program, `${this.#id}.${childId}`, effect.input, parent, {
      ...this.#options,
      signal: controller.signal,
    });
    if (effect.detached) return;
    this.#running.delete(childId);
    this.#children.delete(childId);
    this.send({ kind: "child.finished", childId, result: resultOf(state) });
  }
}

function runChild(
  program: Program,
  instanceId: string,
  input: Json,
  parent: ParentLink,
  options: Group & { readonly signal: AbortSignal },
): Promise<LocalResult> {
  return new Promise((resolve, reject) => {
    const host = new LocalInstance(program, instanceId, options, resolve, reject);
    host.send({ kind: "start", instanceId, input, parent });
    options.signal.addEventListener("abort", () => host.send({ kind: "cancel" }), { once: true });
  });
}

function resultOf(state: State): Extract<Command, { kind: "child.finished" }>["result"] {
  if (state.status === "completed") return { status: "completed", output: state.output ?? null };
  const error = state.error ?? standardError("runtime", `the child was ${state.status}`, "/");
  return { status: state.status === "cancelled" ? "cancelled" : "faulted", error };
}
