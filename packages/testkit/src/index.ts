export * from "./invariants.ts";
export * from "./postgres.ts";
export * from "./simulate.ts";
