/**
 * The world outside: what activities do there. It keeps every request by its idempotency key, as a service that honours the
 * key would, answers the same for the same, and sometimes late or never.
 */
import type { JsonObject } from "@millrace/language";
import type {
  ActivityExecutor,
  ActivityRequest,
  ActivityResult,
  Feed,
} from "@millrace/server/ports";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";

/** What the world holds under an idempotency key. */
export interface Effect {
  readonly instanceId: string;
  readonly reference: string;
  readonly input: string;
  /** The activities that asked for it: more than one when a `try` runs again. */
  readonly activities: string[];
}

/** What an operation of the world gives to the n-th activity that asks for it under one key. */
function answerOf(input: JsonObject, tries: number): ActivityResult | "throws" | "silent" {
  const body = (input["body"] ?? {}) as JsonObject;
  switch (operationOf(input)) {
    case "double":
      return { output: { value: Number(body["value"]) * 2 } };
    case "flaky":
      if (tries > Number(body["fails"])) return { output: { tries } };
      return { error: problem(503, "try again") };
    case "throws":
      return tries > 1 ? { output: { tries } } : "throws";
    case "broken":
      return { error: problem(500, "always") };
    case "silent":
      return "silent";
    default:
      return { output: body };
  }
}

function problem(status: number, detail: string) {
  const type = "https://serverlessworkflow.io/spec/1.0.0/errors/communication";
  return { type, status, title: "Communication Error", detail };
}

/** The last part of the endpoint's path. */
function operationOf(input: JsonObject): string {
  const { endpoint } = input;
  return typeof endpoint === "string" ? (endpoint.split("/").at(-1) ?? "") : "";
}

/** Milliseconds after which an executor ends by itself what does not answer. */
const LIMIT = 100_000;

interface Running {
  readonly machine: Machine;
}

export class World {
  readonly effects = new Map<string, Effect>();
  /** How far each subscription has come, by its key. */
  readonly #streams = new Map<string, { acknowledged: number }>();
  /** Deliveries under way, by instance and activity. */
  readonly #running = new Map<string, Set<Running>>();
  readonly #around: Surroundings;
  readonly #random: Random;
  /** Set by the checks: true once the activity stood in a committed snapshot. */
  readonly #wasCommitted: (name: string) => boolean;

  constructor(around: Surroundings, random: Random, wasCommitted: (name: string) => boolean) {
    this.#around = around;
    this.#random = random;
    this.#wasCommitted = wasCommitted;
  }

  executorOn(machine: Machine): ActivityExecutor {
    return {
      execute: (request, signal, feed) =>
        request.type === "call:asyncapi"
          ? this.#stream(machine, request, signal, feed)
          : this.#execute(machine, request, signal),
    };
  }

  #execute(
    machine: Machine,
    request: ActivityRequest,
    signal: AbortSignal,
  ): Promise<ActivityResult> {
    const { loop, plan, met, violation, trace } = this.#around;
    const name = `${request.instanceId}/${request.activityId}`;
    trace(`${machine.name}: executes ${name.slice(-9)} attempt ${request.attempt}`);
    if (!machine.alive) return new Promise(() => {});
    if (!this.#wasCommitted(name)) violation(`activity ${name} was let out before its commit`);
    if (request.attempt > 1) met("an activity was delivered again");
    const all = this.#running.get(name) ?? new Set();
    this.#running.set(name, all);
    if ([...all].some((each) => each.machine !== machine && each.machine.alive))
      met("an activity was asked for by two nodes at once");
    const running: Running = { machine };
    all.add(running);
    const { begins, takes } = this.#times();
    const mute = this.#random.chance(plan.noAnswer);
    return new Promise((resolve, reject) => {
      // An executor that is told to stop does so, with whatever it has.
      signal.addEventListener("abort", () => {
        met("a running activity was aborted");
        all.delete(running);
        machine.enter(machine.time + takes / 10, () => resolve({ output: "aborted" }));
      });
      // The effect happens whether or not anybody still waits for it: the request is on its way.
      loop.at(machine.time + begins, () => {
        const answer = this.#perform(request);
        const never = answer === "silent" && mute;
        if (never) met("an activity never answered");
        // An executor gives up by itself in the end; nobody waits for so long.
        machine.enter(loop.now + (never ? LIMIT : takes), () => {
          all.delete(running);
          if (all.size === 0) this.#running.delete(name);
          if (answer === "throws") {
            met("an executor threw");
            reject(new Error("the executor broke"));
          } else resolve(answer === "silent" ? { output: null } : answer);
        });
      });
    });
  }

  /**
   * A broker with five messages for whoever subscribes, and some that pass no filter. It gives a message again until it is
   * acknowledged, and waits at every step.
   */
  #stream(
    machine: Machine,
    request: ActivityRequest,
    signal: AbortSignal,
    feed: Feed,
  ): Promise<ActivityResult> {
    const { met, loop } = this.#around;
    const stream = this.#streams.get(request.idempotencyKey) ?? { acknowledged: 0 };
    this.#streams.set(request.idempotencyKey, stream);
    if (request.attempt > 1 && stream.acknowledged > 0) met("a subscription was opened again");
    this.#perform(request);
    return new Promise((resolve) => {
      const pass = (then: () => void): void => {
        machine.enter(loop.now + this.#random.between(0.1, 300), then);
      };
      const step = (): void => {
        if (signal.aborted || stream.acknowledged >= 5) return resolve({ output: null });
        const n = this.#random.chance(0.2) ? 0 : stream.acknowledged + 1;
        const answered = (answer: "more" | "enough"): void => {
          if (n > 0) stream.acknowledged = Math.max(stream.acknowledged, n);
          if (answer === "enough") resolve({ output: null });
          else pass(step);
        };
        void feed({ n }).then(answered, () => resolve({ output: null }));
      };
      pass(step);
    });
  }

  #times(): { begins: number; takes: number } {
    const random = this.#random;
    const slow = random.chance(this.#around.plan.slowAnswer) && !this.#around.calm();
    const takes = slow ? random.between(1000, 40_000) : random.between(0.1, 2000);
    return { begins: random.between(0.1, 50), takes };
  }

  #perform(request: ActivityRequest): ReturnType<typeof answerOf> {
    const { instanceId, reference, idempotencyKey, activityId } = request;
    const input = JSON.stringify(request.input);
    const effect = this.effects.get(idempotencyKey) ?? {
      instanceId,
      reference,
      input,
      activities: [],
    };
    this.effects.set(idempotencyKey, effect);
    if (
      effect.instanceId !== instanceId ||
      effect.reference !== reference ||
      effect.input !== input
    )
      this.#around.violation(`the idempotency key ${idempotencyKey} stands for two effects`);
    if (!effect.activities.includes(activityId)) effect.activities.push(activityId);
    return answerOf(request.input, effect.activities.indexOf(activityId) + 1);
  }
}
