/** Structured logs: one JSON object a line, on stderr, so that stdout stays the command's own. */
import { type DestinationStream, type Logger, destination, pino } from "pino";
import type { LogRedaction } from "../secrets/redact.ts";
import type { LogLevel } from "./levels.ts";
import { currentSpan, logSinks } from "./telemetry/correlation.ts";

/** Keys whose values never reach a log, at the top and one and two levels down. */
const SECRET_KEYS = [
  "authorization",
  "cookie",
  "password",
  "secret",
  "token",
  "apiKey",
  "apiKeys",
  "databaseUrl",
  "connectionString",
  "masterKey",
  '["set-cookie"]',
  '["x-api-key"]',
  '["proxy-authorization"]',
];

function redactedPaths(): string[] {
  const under = (prefix: string) => (key: string) =>
    key.startsWith("[") ? `${prefix}${key}` : `${prefix}.${key}`;
  return [...SECRET_KEYS, ...SECRET_KEYS.map(under("*")), ...SECRET_KEYS.map(under("*.*"))];
}

/** An error in a few fields: drivers hang whole connections on theirs, which no log wants and no secret survives. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  return { type: name, message, ...(typeof code === "string" ? { code } : {}), stack };
}

/**
 * @param stream where the lines go; stderr unless given. Written at once, so that a crash loses none.
 * @param redaction takes the values of secrets out of each line
 */
export function createLogger(
  level: LogLevel,
  stream: DestinationStream = destination({ fd: 2, sync: true }),
  redaction?: LogRedaction,
): Logger {
  const write = (line: string): void => {
    const clear = redaction === undefined ? line : redaction.line(line);
    stream.write(clear);
    for (const sink of logSinks) sink(clear);
  };
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths(), censor: "[redacted]" },
      serializers: { err: describeError },
      mixin: () => currentSpan.getStore() ?? {},
    },
    { write },
  );
}
