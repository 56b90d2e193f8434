export type * from "./command.ts";
export type * from "./effect.ts";
export type * from "./error.ts";
export type * from "./event.ts";
export { isTerminal, type State, type Status, STATE_VERSION } from "./state.ts";
export { decide, type Decision, type Environment } from "./decide.ts";
