export * from "./postgres.ts";
export * from "./simulate.ts";
