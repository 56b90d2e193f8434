/** The jq 1.8 language: compiled once to closures, evaluated any number of times within a budget. */
export { check, compile } from "./program.ts";
export type { CompileOptions, Program, RunContext } from "./program.ts";
export { DEFAULT_LIMITS } from "./budget/limits.ts";
export type { Limits } from "./budget/limits.ts";
export { JqError } from "./errors.ts";
export type { JqErrorKind, Position, Problem } from "./errors.ts";
export type { Json, JsonObject } from "./values/json.ts";
