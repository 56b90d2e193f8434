/** decide(): the engine, a pure function from a state and a command to a state, facts and effects. */
import type { Program } from "@millrace/language";
import type { Command } from "./command.ts";
import type { Effect } from "./effect.ts";
import type { HistoryEvent } from "./event.ts";
import type { State } from "./state.ts";

/** What `decide` may know of the world. */
export interface Environment {
  /** Epoch milliseconds: the owner's reading of database time. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Millisecond clock for the time budget of expressions; absent in simulations. */
  readonly monotonic?: () => number;
  /** `$runtime` (DSL "Runtime Descriptor"). */
  readonly runtime: { readonly name: string; readonly version: string };
}

export interface Decision {
  readonly state: State;
  /** Facts to append to the history, their `seq` following the state's. */
  readonly events: readonly HistoryEvent[];
  readonly effects: readonly Effect[];
  /** False when the command met nothing to act on (a late result, a stale timer) and nothing changed. */
  readonly applied: boolean;
}

/**
 * Applies one command.
 * @param state `undefined` for `start`, the last committed state otherwise
 */
export function decide(
  program: Program,
  state: State | undefined,
  command: Command,
  environment: Environment,
): Decision {
  throw new Error(`not built yet: ${program.name} ${state?.id} ${command.kind} ${environment.now}`);
}
