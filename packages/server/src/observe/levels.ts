/** Log levels, most severe first; apart from `log.ts` so that reading the configuration loads no logger. */
export const LOG_LEVELS = Object.freeze([
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
  "silent",
] as const);
export type LogLevel = (typeof LOG_LEVELS)[number];
