/**
 * A world around one instance: results of activities and children, timers, signals, in random order, with late and
 * repeated ones among them. After every decision the invariants of the engine are checked.
 */
import {
  type Command,
  type Decision,
  decide,
  type Effect,
  isTerminal,
  loadState,
  SAFE_DEPTH,
  type State,
} from "@millrace/engine";
import type { Json, Program } from "@millrace/language";
import { Random } from "../random.ts";
import { oddJson } from "../values.ts";

/** An invariant that does not hold; the message is its kind. */
export class Violation extends Error {
  readonly detail: string;
  constructor(kind: string, detail: string) {
    super(kind);
    this.detail = detail;
  }
}

const START = Date.UTC(2026, 0, 1);

export class Drive {
  readonly #program: Program;
  readonly #random: Random;
  readonly #activities = new Set<string>();
  readonly #children = new Set<string>();
  readonly #subscriptions = new Set<string>();
  /** Events that were taken and not given back. */
  readonly #taken = new Set<number>();
  #events = 0;
  readonly #timers = new Map<string, number>();
  /** What came while the instance was suspended: it may be taken back after all, when the instance is cancelled. */
  readonly #held = new Set<string>();
  /** Everything that was ever waited for, for results that come late. */
  readonly #past: string[] = [];
  #state: State | undefined;
  #now = START;

  constructor(program: Program, random: Random) {
    this.#program = program;
    this.#random = random;
  }

  get status(): string {
    return this.#state?.status ?? "none";
  }
  get ended(): boolean {
    return this.#state !== undefined && isTerminal(this.#state.status);
  }

  /** Gives the instance one command of those that may come now. */
  step(): void {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 3) return this.apply({ kind: "suspend", reason: "r" });
    if (kind < 4) return this.apply({ kind: "cancel" });
    if (kind < 10 && this.#past.length > 0) return this.#stale();
    if (kind < 30 && this.status === "suspended") return this.apply({ kind: "resume" });
    const options = [
      ...[...this.#activities].map((id) => () => this.#finishActivity(id)),
      ...[...this.#children].map((id) => () => this.#finishChild(id)),
      ...(this.#timers.size > 0 ? [() => this.#fire()] : []),
      ...[...this.#subscriptions].map(() => () => this.#hear()),
    ];
    if (options.length > 0) return random.pick(options)();
    if (this.status !== "suspended") {
      throw new Violation("waits for nothing", JSON.stringify(this.#state?.frames));
    }
    this.apply({ kind: "resume" });
  }

  apply(command: Command): void {
    const before = this.#state;
    if (this.status === "suspended") this.#hold(command);
    const text = JSON.stringify(before);
    const seed = this.#random.below(2 ** 31);
    const decision = this.#decide(command, seed);
    if (JSON.stringify(before) !== text) throw new Violation("the state was changed", text);
    // Every fourth time, for the sake of speed.
    if (seed % 4 === 0 && JSON.stringify(this.#decide(command, seed)) !== JSON.stringify(decision))
      throw new Violation("decides differently the second time", JSON.stringify(command));
    this.#checkHistory(decision, before?.seq ?? 0);
    if (command.kind === "event.delivered" && decision.applied) this.#taken.add(command.seq);
    for (const effect of decision.effects) this.#perform(effect);
    this.#state = throughJson(decision.state);
    if (command.kind === "resume") this.#held.clear();
    this.#checkEnd();
  }

  #hold(command: Command): void {
    if ("activityId" in command) this.#held.add(command.activityId);
    if ("timerId" in command) this.#held.add(command.timerId);
    if ("childId" in command) this.#held.add(command.childId);
  }

  #decide(command: Command, seed: number): Decision {
    const random = new Random(seed);
    return decide(this.#program, this.#state, command, {
      // As the hosts do before they write a decision that could not be written.
      maxDepth: SAFE_DEPTH,
      now: this.#now,
      random: () => random.next(),
      runtime: { name: "fuzz", version: "0" },
    });
  }

  /** The next event; every number comes once. */
  #hear(): void {
    const random = this.#random;
    const event = {
      specversion: "1.0",
      id: `e${this.#events}`,
      source: "/s",
      type: random.pick(["a", "b", "c"]),
      ...(random.chance(0.7) ? { subject: random.pick(["x", "y"]) } : {}),
      ...(random.chance(0.8) ? { data: random.chance(0.5) ? { a: 1 } : oddJson(random) } : {}),
    };
    this.#events += 1;
    this.apply({ kind: "event.delivered", seq: this.#events, event });
  }

  #checkHistory({ events, state, applied, effects }: Decision, before: number): void {
    for (const [index, { seq }] of events.entries()) {
      if (seq !== before + index + 1) throw new Violation("history has a gap", `${seq}`);
    }
    if (state.seq !== before + events.length) throw new Violation("seq is off", `${state.seq}`);
    if (!applied && events.length + effects.length > 0) {
      throw new Violation("did something without applying the command", JSON.stringify(events));
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "timer.set":
        this.#timers.set(effect.timerId, effect.at);
        if (!Number.isSafeInteger(effect.at)) {
          throw new Violation("a timer at no instant", `${effect.at}`);
        }
        return;
      case "timer.clear":
        if (!this.#timers.delete(effect.timerId) && !this.#held.has(effect.timerId)) {
          throw new Violation("clears a timer that is not set", effect.timerId);
        }
        return;
      case "activity.schedule":
        return this.#begin(this.#activities, effect.activityId);
      case "activity.next":
        return;
      case "event.returned":
        for (const seq of effect.seqs)
          if (!this.#taken.delete(seq)) throw new Violation("gives back what it has not", `${seq}`);
        return;
      case "subscription.set":
        this.#subscriptions.add(effect.subscriptionId);
        return;
      case "subscription.clear":
        return this.#end(this.#subscriptions, effect.subscriptionId);
      case "activity.cancel":
        return this.#end(this.#activities, effect.activityId);
      case "child.start":
        return effect.detached ? undefined : this.#begin(this.#children, effect.childId);
      case "child.cancel":
        return this.#end(this.#children, effect.childId);
      case "event.emit":
        for (const name of ["id", "source", "type", "specversion"]) {
          if (effect.event[name] === undefined) {
            throw new Violation("an event without an attribute", name);
          }
        }
    }
  }

  #begin(open: Set<string>, id: string): void {
    if (this.#past.includes(id)) throw new Violation("an id used twice", id);
    open.add(id);
    this.#past.push(id);
  }

  #end(open: Set<string>, id: string): void {
    if (!open.delete(id) && !this.#held.has(id))
      throw new Violation("cancels what is not open", id);
  }

  #checkEnd(): void {
    if (!this.ended) return;
    const waits = [this.#activities, this.#children, this.#timers.keys(), this.#subscriptions];
    const open = waits.flatMap((each) => [...each]);
    if (open.length > 0) throw new Violation("something outlives the instance", open.join());
    if (JSON.stringify(this.#state?.frames) !== "{}") {
      throw new Violation("frames outlive the instance", JSON.stringify(this.#state?.frames));
    }
  }

  #finishActivity(activityId: string): void {
    this.#activities.delete(activityId);
    const random = this.#random;
    this.#now += random.small(10_000);
    if (random.chance(0.7)) {
      this.apply({ kind: "activity.completed", activityId, output: oddJson(random) });
    } else this.apply({ kind: "activity.failed", activityId, error: error(random) });
  }

  #finishChild(childId: string): void {
    this.#children.delete(childId);
    const random = this.#random;
    const result = random.chance(0.7)
      ? ({ status: "completed", output: oddJson(random) } as const)
      : ({ status: random.pick(["faulted", "cancelled"] as const), error: error(random) } as const);
    this.apply({ kind: "child.finished", childId, result });
  }

  /** The next timer, at its time or later. */
  #fire(): void {
    const [next] = [...this.#timers].toSorted((a, b) => a[1] - b[1]);
    if (next === undefined) return;
    const [timerId, at] = next;
    this.#timers.delete(timerId);
    this.#now = Math.max(this.#now, at) + this.#random.small(100);
    this.apply({ kind: "timer.fired", timerId });
  }

  /** A result or timer for something that is over, or that never was. It changes nothing unless it is held. */
  #stale(): void {
    const random = this.#random;
    const id = random.chance(0.2) ? "nobody" : random.pick(this.#past);
    if (this.#activities.has(id) || this.#children.has(id) || this.#timers.has(id)) return;
    const output: Json = "late";
    const command = random.pick<Command>([
      { kind: "activity.completed", activityId: id, output },
      { kind: "child.finished", childId: id, result: { status: "completed", output } },
      { kind: "timer.fired", timerId: `${id}x` },
    ]);
    const before = JSON.stringify({ ...this.#state, held: undefined });
    this.apply(command);
    if (JSON.stringify({ ...this.#state, held: undefined }) !== before) {
      throw new Violation("a late result changed something", JSON.stringify(command));
    }
  }
}

const ERROR_TYPES = ["timeout", "communication", "runtime"].map(
  (name) => `https://serverlessworkflow.io/spec/1.0.0/errors/${name}`,
);

function error(random: Random): { type: string; status: number; title: string } {
  return { type: random.pick(ERROR_TYPES), status: 500 + random.below(5), title: "made" };
}

/** What a store does with a state, which must lose nothing. */
function throughJson(state: State): State {
  const text = JSON.stringify(state);
  const read = loadState(JSON.parse(text));
  if (JSON.stringify(read) !== text) throw new Violation("a state changes as JSON", text);
  return frozen(read);
}

/** So that a decision that writes into the state it was given fails at once. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
