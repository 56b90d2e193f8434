/**
 * Runs the instances of one case in simulated time, with real HTTP to the case's servers: the clock jumps from one
 * happening to the next and stands still while a request is under way. After each decision it checks what must hold for
 * every state: the decision is repeatable and leaves what it was given alone, the history has no gap, the state survives
 * JSON, and what is open outside is exactly what the state waits for.
 */
import assert from "node:assert/strict";
import {
  type Command,
  decide,
  type Decision,
  type Effect,
  type Environment,
  type HistoryEvent,
  isTerminal,
  type ParentLink,
  type ScheduleActivity,
  type State,
  standardError,
} from "@millrace/engine";
import type { Json, JsonObject, Program } from "@millrace/language";
import { LocalEvents } from "@millrace/server/local";
import { freeze, openOutside, waitsOf } from "../invariants.ts";
import { brought, type ScriptedMessage } from "./messages.ts";
import type { ScriptedServers } from "./servers.ts";

/** 2026-01-01T00:00:00Z: when every case starts. */
const START = Date.UTC(2026, 0, 1);
/** Of one case; more is a loop. */
const MAX_DECISIONS = 20_000;

export interface Instance {
  readonly id: string;
  readonly program: Program;
  readonly parent?: ParentLink;
  state?: State;
  /** Milliseconds since the case's start. */
  ended?: number;
  readonly history: HistoryEvent[];
  /** What the world owes it: `activity:3`, `timer:w4`, `child:5`. */
  readonly open: Set<string>;
}

type Happening = Applied | Published;

interface Published {
  readonly at: number;
  readonly publishes: JsonObject;
}
interface Applied {
  readonly at: number;
  readonly instance: string;
  readonly command: Command;
  /** The key in `open` that this settles. */
  readonly settles?: string;
  /** The key in `open` that it comes from and does not settle. */
  readonly from?: string;
}

export interface WorldOptions {
  readonly program: Program;
  readonly input: Json;
  readonly servers: ScriptedServers | undefined;
  readonly messages: readonly ScriptedMessage[];
  /** Programs that `run: workflow` finds. */
  readonly children: readonly Program[];
  readonly random: readonly number[];
  /** Commands to the main instance, each with its milliseconds since the start. */
  readonly planned: readonly (readonly [number, Command])[];
  /** Events from outside, each with its milliseconds since the start; without them: before it. */
  readonly events: readonly (readonly [number | undefined, JsonObject])[];
}

export class World {
  /** In the order they started; the first is the case's own. */
  readonly instances: Instance[] = [];
  readonly emitted: JsonObject[] = [];
  readonly #options: WorldOptions;
  readonly #events = new LocalEvents(() => ({ now: this.#now }));
  #happenings: Happening[] = [];
  #now = START;
  #draws = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** Until nothing can happen any more. */
  async run(): Promise<Instance> {
    for (const [at, event] of this.#options.events)
      if (at === undefined) assert.ok(this.#events.publish(event));
    const main = this.#create("I", this.#options.program, this.#options.input);
    for (const [at, command] of this.#options.planned)
      this.#plan({ at: START + at, instance: "I", command });
    for (const [at, event] of this.#options.events)
      if (at !== undefined) this.#plan({ at: START + at, publishes: event });
    for (let decisions = 0; ; decisions += 1) {
      assert.ok(decisions < MAX_DECISIONS, "the case does not end");
      const next = this.#happenings.shift();
      if (next === undefined) return main;
      this.#now = Math.max(this.#now, next.at);
      if ("publishes" in next) this.#events.publish(next.publishes);
      else await this.#apply(next);
    }
  }

  #create(id: string, program: Program, input: Json, parent?: ParentLink): Instance {
    const instance: Instance = {
      id,
      program,
      history: [],
      open: new Set(),
      ...(parent === undefined ? {} : { parent }),
    };
    this.instances.push(instance);
    this.#events.join(id, program, (seq, event) =>
      this.#plan({
        at: this.#now,
        instance: id,
        command: { kind: "event.delivered", seq, event },
      }),
    );
    const link = parent === undefined ? {} : { parent };
    this.#plan({
      at: this.#now,
      instance: id,
      command: { kind: "start", instanceId: id, input, ...link },
    });
    return instance;
  }

  /** Keeps happenings in order of time; those of one time in the order they were planned. */
  #plan(happening: Happening): void {
    const after = this.#happenings.findIndex((each) => each.at > happening.at);
    this.#happenings.splice(after === -1 ? this.#happenings.length : after, 0, happening);
  }

  async #apply({ instance: id, command, settles }: Applied): Promise<void> {
    const instance = this.instances.find((each) => each.id === id);
    assert.ok(instance);
    if (settles !== undefined) assert.ok(instance.open.delete(settles));
    const decision = this.#decide(instance, command);
    const seq = instance.state?.seq ?? 0;
    for (const [index, event] of decision.events.entries())
      assert.equal(event.seq, seq + index + 1);
    assert.equal(decision.state.seq, seq + decision.events.length);
    for (const event of decision.events) instance.history.push(event);
    instance.state = freeze(JSON.parse(JSON.stringify(decision.state)) as State);
    assert.deepEqual(instance.state, decision.state, "the state does not survive JSON");
    if (command.kind === "event.delivered" && !decision.applied)
      this.#events.giveBack(id, [command.seq]);
    for (const effect of decision.effects) await this.#perform(instance, effect);
    assert.deepEqual(openOutside(instance.open), waitsOf(instance.state));
    if (isTerminal(instance.state.status)) this.#end(instance, instance.state);
    else delete instance.ended;
  }

  /** Decides twice: the same again must come out the same. */
  #decide(instance: Instance, command: Command): Decision {
    const first = this.#draws;
    const random = (): number => {
      const { random: values } = this.#options;
      this.#draws += 1;
      return values[(this.#draws - 1) % values.length] ?? 0;
    };
    const runtime = { name: "conformance", version: "1" };
    const environment: Environment = { now: this.#now, random, runtime };
    const frozen = freeze(command);
    const decision = decide(instance.program, instance.state, frozen, environment);
    this.#draws = first;
    assert.deepEqual(decide(instance.program, instance.state, frozen, environment), decision);
    return decision;
  }

  async #perform(instance: Instance, effect: Effect): Promise<void> {
    switch (effect.kind) {
      case "timer.set":
        this.#drop(instance, `timer:${effect.timerId}`);
        this.#owe(instance, effect.at, `timer:${effect.timerId}`, {
          kind: "timer.fired",
          timerId: effect.timerId,
        });
        break;
      case "timer.clear":
        assert.ok(this.#drop(instance, `timer:${effect.timerId}`), `${effect.timerId} was not set`);
        break;
      case "activity.schedule":
        await this.#execute(instance, effect);
        break;
      case "activity.cancel":
        assert.ok(this.#drop(instance, `activity:${effect.activityId}`));
        break;
      case "child.start":
        this.#startChild(instance, effect);
        break;
      case "child.cancel":
        assert.ok(this.#drop(instance, `child:${effect.childId}`));
        this.#plan({
          at: this.#now,
          instance: `${instance.id}.${effect.childId}`,
          command: { kind: "cancel" },
        });
        break;
      case "activity.next":
        this.#bring(instance, effect.activityId, Number(effect.itemId.split(".")[1]));
        break;
      case "subscription.set":
        instance.open.add(`event:${effect.subscriptionId}`);
        this.#events.set(instance.id, effect.subscriptionId, effect.filters);
        break;
      case "subscription.clear":
        assert.ok(instance.open.delete(`event:${effect.subscriptionId}`));
        this.#events.clear(instance.id, effect.subscriptionId);
        break;
      case "event.returned":
        this.#events.giveBack(instance.id, effect.seqs);
        break;
      case "event.emit":
        this.emitted.push(effect.event);
        this.#plan({ at: this.#now, publishes: effect.event });
        break;
    }
  }

  #owe(instance: Instance, at: number, settles: string, command: Command): void {
    instance.open.add(settles);
    this.#plan({ at, instance: instance.id, command, settles });
  }

  #drop(instance: Instance, settles: string): boolean {
    this.#happenings = this.#happenings.filter(
      (each) =>
        "publishes" in each ||
        each.instance !== instance.id ||
        (each.settles !== settles && each.from !== settles),
    );
    return instance.open.delete(settles);
  }

  /** The n-th of what a subscription brings, counted from 0. */
  #bring(instance: Instance, activityId: string, n: number): void {
    const next = brought(this.#options.messages, activityId, n);
    if (next === undefined) return;
    const key = `activity:${activityId}`;
    const at = this.#now + next.after;
    const { command } = next;
    this.#plan({
      at,
      instance: instance.id,
      command,
      ...(next.last ? { settles: key } : { from: key }),
    });
  }

  async #execute(instance: Instance, effect: ScheduleActivity): Promise<void> {
    if (effect.type === "call:asyncapi" && this.#options.messages.length > 0) {
      instance.open.add(`activity:${effect.activityId}`);
      return this.#bring(instance, effect.activityId, 0);
    }
    // Deadlines are of simulated time, which the executor does not know; the engine's own timers hold them.
    const { kind: _kind, deadline: _deadline, ...activity } = effect;
    const { namespace, name, version } = instance.program;
    const { servers } = this.#options;
    assert.ok(servers, `${effect.reference}: the case has no servers`);
    const result = await servers.executor.execute(
      {
        tenant: "default",
        instanceId: instance.id,
        workflow: { namespace, name, version },
        attempt: 1,
        ...activity,
      },
      new AbortController().signal,
      () => Promise.reject(new Error("a case brings no values")),
    );
    const { activityId } = effect;
    const settles = `activity:${activityId}`;
    const delay = servers.takeDelay();
    // Nobody waits for a process started with `await: false`.
    if (instance.state?.frames[activityId] === undefined) return;
    instance.open.add(settles);
    if (delay === undefined) return;
    const command: Command =
      "output" in result
        ? { kind: "activity.completed", activityId, output: result.output }
        : { kind: "activity.failed", activityId, error: result.error };
    this.#owe(instance, this.#now + delay, settles, command);
  }

  #startChild(instance: Instance, effect: Extract<Effect, { kind: "child.start" }>): void {
    const { childId, namespace, name, version, depth, detached } = effect;
    const settles = `child:${childId}`;
    const program = this.#options.children.find(
      (each) =>
        each.namespace === namespace &&
        each.name === name &&
        (each.version === version || version === "latest"),
    );
    if (program !== undefined) {
      if (!detached) instance.open.add(settles);
      const parent = { instanceId: instance.id, childId, depth };
      this.#create(`${instance.id}.${childId}`, program, effect.input, parent);
    } else if (!detached) {
      const detail = `there is no workflow ${namespace}/${name} of version ${version}`;
      const error = standardError("configuration", detail, "/");
      const result = { status: "faulted", error } as const;
      this.#owe(instance, this.#now, settles, { kind: "child.finished", childId, result });
    }
  }

  #end(instance: Instance, state: State): void {
    instance.ended ??= this.#now - START;
    const parent = this.instances.find((each) => each.id === instance.parent?.instanceId);
    const { childId = "" } = instance.parent ?? {};
    const settles = `child:${childId}`;
    // A detached child, or one given up, is not waited for.
    if (parent?.open.has(settles) !== true) return;
    const error = state.error ?? standardError("runtime", `the child was ${state.status}`, "/");
    const result =
      state.status === "completed"
        ? ({ status: "completed", output: state.output ?? null } as const)
        : ({ status: state.status === "cancelled" ? "cancelled" : "faulted", error } as const);
    const command: Command = { kind: "child.finished", childId, result };
    this.#plan({ at: this.#now, instance: parent.id, command, settles });
  }
}
