/**
 * Circuit breakers, one for each tenant and target (scheme, host, port).
 *
 * A breaker is *closed* and counts failures in a row: the network's, time-outs of the other side, and answers from 500. An
 * answer below 500 sets the count to zero; what says nothing about the target (a call that was cancelled, a refusal of the
 * egress policy) leaves it. At `failures` it is *open*: every call fails at once. After `openFor` the next call is a trial
 * (*half-open*) and all others still fail at once. The trial's success closes the breaker; anything else opens it again.
 *
 * The state machine is cockatiel's; its time is the machine's.
 */
import {
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhenResult,
} from "cockatiel";
import { ActivityFailure } from "../failure.ts";
import { networkFailure } from "../http/network-error.ts";

export type BreakerState = "closed" | "open" | "half-open";

/** A breaker has changed its state. */
export interface BreakerChange {
  readonly tenant: string;
  /** `https://api.example:443`. */
  readonly target: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** When open: epoch milliseconds of the earliest trial. */
  readonly until?: number;
}

export interface BreakerConfig {
  /** Failures in a row that open a breaker; 0 turns breakers off. */
  readonly failures: number;
  /** Milliseconds from the opening to the trial. */
  readonly openFor: number;
  /** Told of every change, within the call that caused it; must not throw. */
  readonly onChange?: (change: BreakerChange) => void;
  /** Breakers kept; beyond it the one unused for longest is forgotten, closed ones first. */
  readonly maxTargets?: number;
}

export const DEFAULT_BREAKER = { failures: 20, openFor: 10_000 } as const;

export interface Breaker {
  /**
   * Does `work` unless the breaker is open.
   * @param signal the caller's: what fails after it has aborted counts neither way
   * @param unhealthy whether an answer counts as a failure although it is one
   * @throws {ActivityFailure} `communication` 503 when open; else what `work` throws
   */
  run<T>(
    work: () => Promise<T>,
    signal?: AbortSignal,
    unhealthy?: (answer: T) => boolean,
  ): Promise<T>;
}

export interface Breakers {
  /** The breaker of a target: `scheme://host:port`, in one spelling. */
  of(tenant: string, target: string): Breaker;
}

/** What one call told about its target. */
type Health = "good" | "bad" | "unknown";
type Outcome<T> = { readonly health: Health } & (
  | { readonly value: T }
  | { readonly thrown: unknown }
);

const NAMES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.HalfOpen]: "half-open",
  [CircuitState.Open]: "open",
  [CircuitState.Isolated]: "open",
};
const MAX_TARGETS = 10_000;

const alwaysClosed: Breaker = { run: (work) => work() };

export function circuitBreakers(config: BreakerConfig): Breakers {
  if (config.failures === 0) return { of: () => alwaysClosed };
  const { maxTargets = MAX_TARGETS } = config;
  const all = new Map<string, Circuit>();
  let uses = 0;
  return {
    of(tenant, target) {
      const key = `${tenant} ${target}`;
      let circuit = all.get(key);
      if (circuit === undefined) {
        if (all.size >= maxTargets) forgetOne(all);
        circuit = new Circuit(config, tenant, target);
        all.set(key, circuit);
      }
      circuit.used = uses += 1;
      return circuit;
    },
  };
}

/** The one unused for longest, of the closed ones if there are any. Looks at all: so many targets are rare, calls are not. */
function forgetOne(all: Map<string, Circuit>): void {
  let found: readonly [key: string, circuit: Circuit] | undefined;
  const rank = ({ state, used }: Circuit): number => (state === "closed" ? used - 2 ** 53 : used);
  for (const entry of all)
    if (found === undefined || rank(entry[1]) < rank(found[1])) found = entry;
  if (found === undefined) return;
  found[1].forget();
  all.delete(found[0]);
}

class Circuit implements Breaker {
  /** Rises with each use of any breaker. */
  used = 0;
  readonly #config: BreakerConfig;
  readonly #key: { readonly tenant: string; readonly target: string };
  readonly #policy: CircuitBreakerPolicy;
  #until = 0;
  /** Whether the newest call that told anything failed. */
  #failing = false;

  constructor(config: BreakerConfig, tenant: string, target: string) {
    this.#config = config;
    this.#key = { tenant, target };
    const bad = handleWhenResult(
      (result) => (result as { readonly health: Health }).health === "bad",
    );
    this.#policy = circuitBreaker(bad, {
      halfOpenAfter: config.openFor,
      breaker: new ConsecutiveBreaker(config.failures),
    });
    let from: BreakerState = "closed";
    this.#policy.onStateChange((state) => {
      const to = NAMES[state];
      if (to === "open") this.#until = Date.now() + config.openFor;
      const until = to === "open" ? { until: this.#until } : {};
      config.onChange?.({ tenant, target, from, to, ...until });
      from = to;
    });
  }

  /** Says that it is closed: whoever counts open breakers has seen the last of this one. */
  forget(): void {
    const { tenant, target, from } = { ...this.#key, from: this.state };
    if (from !== "closed") this.#config.onChange?.({ tenant, target, from, to: "closed" });
  }

  get state(): BreakerState {
    return NAMES[this.#policy.state];
  }

  async run<T>(
    work: () => Promise<T>,
    signal?: AbortSignal,
    unhealthy?: (answer: T) => boolean,
  ): Promise<T> {
    const { state } = this;
    // Asked here, because cockatiel lets others wait for the trial's end.
    if (state === "half-open") throw this.#refusal("a trial call is under way");
    if (state === "open" && Date.now() < this.#until) throw this.#refusal();
    if (state !== "closed") return this.#trial(work, signal, unhealthy);
    let answer: T;
    try {
      answer = await work();
    } catch (thrown) {
      await this.#tell(signal?.aborted ? "unknown" : healthOf(thrown));
      throw thrown;
    }
    const health = unhealthy?.(answer) === true ? "bad" : "good";
    // When all is well and was well before, which is nearly always, there is nothing to tell.
    if (health === "bad" || this.#failing) await this.#tell(health);
    return answer;
  }

  /** Counts a call that began while the breaker was closed. */
  async #tell(health: Health): Promise<void> {
    if (health === "unknown") return;
    this.#failing = health === "bad";
    // Others may have opened the breaker in between: then there is nothing to count any more.
    if (this.state === "closed") await this.#policy.execute(() => ({ health }));
  }

  async #trial<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
    unhealthy: ((answer: T) => boolean) | undefined,
  ): Promise<T> {
    const outcome = await this.#policy.execute(async (): Promise<Outcome<T>> => {
      try {
        const value = await work();
        return { health: unhealthy?.(value) === true ? "bad" : "good", value };
      } catch (thrown) {
        // A trial that told nothing proves nothing.
        const good = signal?.aborted !== true && healthOf(thrown) === "good";
        return { health: good ? "good" : "bad", thrown };
      }
    });
    if ("thrown" in outcome) throw outcome.thrown;
    return outcome.value;
  }

  #refusal(why = `until ${new Date(this.#until).toISOString()}`): ActivityFailure {
    const detail = `no calls to ${this.#key.target} after ${this.#config.failures} failures in a row: ${why}`;
    return new ActivityFailure("communication", detail, { status: 503, title: "Circuit Open" });
  }
}

function healthOf(thrown: unknown): Health {
  const { kind, status } =
    thrown instanceof ActivityFailure ? thrown : networkFailure(thrown, "the call");
  if (kind === "timeout") return "bad";
  if (kind === "communication") return status >= 500 ? "bad" : "good";
  return "unknown";
}
