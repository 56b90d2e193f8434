/** Definitions with what they take from outside, for hosts without a database. */
export { type Complete, loadComplete } from "./complete.ts";
export { directoryCatalog } from "./directory.ts";
export { type DocumentFetcher, type FunctionCatalog, resourceSource } from "./source.ts";
