/**
 * Runs a workflow to its end in simulated time: timers fire by jumping the clock, activities are answered by a function.
 * After each decision the invariants that hold for every state are checked, and the state goes through JSON.
 */
import assert from "node:assert/strict";
import {
  type Command,
  decide,
  type Effect,
  type HistoryEvent,
  isTerminal,
  type ScheduleActivity,
  type State,
  type WorkflowError,
} from "@millrace/engine";
import { formatIssue, type Json, load, type Program } from "@millrace/language";

/** What an activity gives: an output, an error, or nothing at all (it never answers). */
export type Answer =
  | { readonly output: Json }
  | { readonly error: WorkflowError }
  | "never"
  | undefined;

export interface SimulateOptions {
  readonly input?: Json;
  readonly activity?: (request: ScheduleActivity, at: number) => Answer;
  /** Programs that `run: workflow` finds, by name. */
  readonly children?: Readonly<Record<string, string>>;
  /** Commands given at a time of the simulated clock (milliseconds since the start). */
  readonly at?: readonly (readonly [number, Command])[];
  readonly random?: () => number;
}

export interface Simulated {
  readonly state: State;
  readonly events: readonly HistoryEvent[];
  /** All effects in order, each with its time since the start. */
  readonly effects: readonly (Effect & { readonly since: number })[];
  /** Milliseconds of simulated time. */
  readonly elapsed: number;
  readonly decisions: number;
  /** Longest state seen, in bytes of JSON. */
  readonly largestState: number;
}

export const START = Date.UTC(2026, 0, 1);

/** Loads a definition that must be valid. */
export function program(yaml: string): Program {
  const loaded = load(yaml);
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  return loaded.program;
}

/** A workflow around a `do` list given as YAML, indented by nothing. */
export function workflow(tasks: string, rest = ""): string {
  const head = "document: { dsl: '1.0.3', namespace: test, name: simulated, version: '1.0.0' }";
  return `${head}\n${rest}\ndo:\n${tasks.replaceAll(/^/gm, "  ")}\n`;
}

export function simulate(yaml: string | Program, options: SimulateOptions = {}): Simulated {
  const world = new World(typeof yaml === "string" ? program(yaml) : yaml, options);
  return world.run();
}

class World {
  readonly #program: Program;
  readonly #options: SimulateOptions;
  readonly #queue: Command[] = [];
  readonly #timers = new Map<string, number>();
  readonly #planned: [number, Command][];
  readonly #events: HistoryEvent[] = [];
  readonly #effects: (Effect & { since: number })[] = [];
  #now = START;
  #state: State | undefined;
  #decisions = 0;
  #largest = 0;
  #open = 0;

  constructor(given: Program, options: SimulateOptions) {
    this.#program = given;
    this.#options = options;
    this.#planned = (options.at ?? []).map(([at, command]) => [START + at, command]);
    this.#queue.push({ kind: "start", instanceId: "I", input: options.input ?? {} });
  }

  run(): Simulated {
    while (this.#state === undefined || !isTerminal(this.#state.status)) {
      const command = this.#queue.shift() ?? this.#wait();
      if (command === undefined) break;
      this.#apply(command);
    }
    assert.ok(this.#state);
    return {
      state: this.#state,
      events: this.#events,
      effects: this.#effects,
      elapsed: this.#now - START,
      decisions: this.#decisions,
      largestState: this.#largest,
    };
  }

  /** Jumps to the next timer or planned command. */
  #wait(): Command | undefined {
    const timers = [...this.#timers].toSorted((a, b) => a[1] - b[1]);
    const [timer] = timers;
    this.#planned.sort((a, b) => a[0] - b[0]);
    const [planned] = this.#planned;
    if (planned !== undefined && (timer === undefined || planned[0] <= timer[1])) {
      this.#planned.shift();
      this.#now = Math.max(this.#now, planned[0]);
      return planned[1];
    }
    if (timer === undefined) return undefined;
    this.#timers.delete(timer[0]);
    this.#now = Math.max(this.#now, timer[1]);
    return { kind: "timer.fired", timerId: timer[0] };
  }

  #apply(command: Command): void {
    const before = this.#state;
    const decision = decide(this.#program, before, command, {
      now: this.#now,
      random: this.#options.random ?? (() => 0.5),
      runtime: { name: "simulated", version: "0" },
    });
    this.#decisions += 1;
    let seq = before?.seq ?? 0;
    for (const event of decision.events) {
      assert.equal(event.seq, (seq += 1), "history has a gap");
      this.#events.push(event);
    }
    assert.equal(decision.state.seq, seq);
    const text = JSON.stringify(decision.state);
    this.#largest = Math.max(this.#largest, text.length);
    this.#state = JSON.parse(text) as State;
    for (const effect of decision.effects) this.#perform(effect);
    this.#checkWakeSource();
  }

  #perform(effect: Effect): void {
    this.#effects.push({ ...effect, since: this.#now - START });
    switch (effect.kind) {
      case "timer.set":
        this.#timers.set(effect.timerId, effect.at);
        break;
      case "timer.clear":
        assert.ok(this.#timers.delete(effect.timerId), `cleared ${effect.timerId} was not set`);
        break;
      case "activity.schedule":
        this.#answer(effect);
        break;
      case "child.start":
        this.#child(effect);
        break;
      case "activity.cancel":
      case "child.cancel":
      case "subscription.clear":
        this.#open -= 1;
        break;
      case "subscription.set":
        this.#open += 1;
        break;
      case "activity.next":
      case "event.returned":
      case "event.emit":
        break;
    }
  }

  #answer(effect: ScheduleActivity): void {
    const { activityId } = effect;
    const answer = this.#options.activity?.(effect, this.#now - START) ?? { output: null };
    if (answer === "never") this.#open += 1;
    else if ("output" in answer)
      this.#queue.push({ kind: "activity.completed", activityId, output: answer.output });
    else this.#queue.push({ kind: "activity.failed", activityId, error: answer.error });
  }

  #child(effect: Extract<Effect, { kind: "child.start" }>): void {
    const yaml = this.#options.children?.[effect.name];
    if (yaml === undefined) {
      this.#open += 1;
      return;
    }
    const { state } = simulate(yaml, { ...this.#options, input: effect.input, at: [] });
    if (effect.detached) return;
    const { childId } = effect;
    if (state.status === "completed") {
      const result = { status: "completed", output: state.output ?? null } as const;
      this.#queue.push({ kind: "child.finished", childId, result });
    } else {
      const error = state.error ?? { type: "about:blank", status: 500 };
      this.#queue.push({ kind: "child.finished", childId, result: { status: "faulted", error } });
    }
  }

  /** Design invariant 5: what has not ended and is not suspended is waited for by something. */
  #checkWakeSource(): void {
    const state = this.#state;
    if (state === undefined || state.status === "suspended") return;
    const sources = this.#timers.size + this.#queue.length + this.#open;
    if (isTerminal(state.status)) {
      assert.equal(this.#timers.size, 0, "a timer outlives its instance");
      assert.deepEqual(state.frames, {}, "frames outlive their instance");
    } else assert.ok(sources > 0 || this.#planned.length > 0, "no wake source");
  }
}
