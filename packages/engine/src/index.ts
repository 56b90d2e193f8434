export type * from "./command.ts";
export { decide, type Decision, type Environment } from "./decide.ts";
export { SAFE_DEPTH } from "./depth.ts";
export type * from "./effect.ts";
export type * from "./error.ts";
export { type StandardError, standardError } from "./errors.ts";
export type * from "./event.ts";
export { readEvent } from "./events/read.ts";
export {
  type Evaluation,
  isEmpty as isEmptyStrategy,
  offer,
  type Offered,
  startStrategy,
  type StrategyState,
  untilHolds,
  wanted,
} from "./events/strategy.ts";
export { type HeldCommand, isTerminal, type State, type Status, STATE_VERSION } from "./state.ts";
export { type FailedTask, failedTask, type Kept, keepState } from "./kept.ts";
export type { Refusal } from "./retry-instance.ts";
export { loadState } from "./upgrade.ts";
