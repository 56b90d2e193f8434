export { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from "./embedded.ts";
export { postgresPid, removeData } from "./inspect.ts";
