export { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from "./embedded.ts";
export {
  childrenOf,
  commandLine,
  familyOf,
  isAlive,
  killFamily,
  signalProcess,
} from "./processes.ts";
export { tryLock } from "./lock.ts";
export { postgresPid, removeData } from "./inspect.ts";
