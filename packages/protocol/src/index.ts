/**
 * What client and server agree on. The schemas themselves are at `@millrace/protocol/schemas`, so that whoever
 * needs only types, errors or ids does not load a schema library.
 */
export * from "./durations.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export type * from "./json.ts";
export * from "./priority.ts";
export * from "./problem.ts";
export * from "./status.ts";
export * from "./traceparent.ts";
export type * from "./schemas/index.ts";
