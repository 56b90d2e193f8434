/** The Millrace server as a library: configuration, starting, and the runtime's types. Loads nothing heavy by itself. */
export { type RunsConfig, runsOf } from "./activities/run/config.ts";
export { describeRuns } from "./activities/run/describe.ts";
export * from "./config.ts";
export { type Logger, silentLogger } from "./logger.ts";
export {
  type OpenRuntime,
  type RunningRuntime,
  type RuntimeHost,
  type RuntimeParts,
  type Server,
  type StartOptions,
  startRuntime,
  startServer,
} from "./main.ts";
export * from "./runtime.ts";
export { supervise } from "./supervise.ts";
