/** Running workflows in this process, without a database. Kept apart so that `millrace run` loads nothing else. */
export type {
  ActivityExecutor,
  ActivityRequest,
  ActivityResult,
} from "../activities/executor.ts";
export { LocalEvents } from "./events.ts";
export { DeafError, type LocalOptions, type LocalResult, runToEnd } from "./host.ts";
