export type * from "./json.ts";
export type * from "./program.ts";
