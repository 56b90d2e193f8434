/**
 * The server's settings: one table gives each its environment variable, default, meaning and check.
 * `docs/configuration.md` is generated from it; a test keeps the two equal.
 */
import type { TenantEgress } from "./activities/egress/policy.ts";
import { parseTenantEgress } from "./activities/egress/tenants.ts";
import { LOG_LEVELS } from "./observe/levels.ts";
import { type OptionalPayloadSetting, PAYLOAD_SETTINGS } from "./payload-settings.ts";
import { RUN_SETTINGS } from "./run-settings.ts";
import {
  anyText,
  ConfigError,
  flag,
  hostPorts,
  integer,
  keys,
  level,
  list,
  milliseconds,
  postgresUrl,
  setting,
  webOrigins,
} from "./settings.ts";

export { ConfigError } from "./settings.ts";

function tenantEgress(text: string): Readonly<Record<string, TenantEgress>> {
  try {
    return parseTenantEgress(text);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

export const SETTINGS = {
  databaseUrl: setting(
    "MILLRACE_DATABASE_URL",
    undefined,
    "PostgreSQL 15 or newer: `postgres://user:password@host:port/database`. Required by `millrace server`; `millrace dev` starts its own.",
    postgresUrl,
  ),
  host: setting(
    "MILLRACE_HOST",
    "127.0.0.1",
    "Address to listen on. Any other than a loopback address needs `MILLRACE_API_KEYS`.",
    anyText,
  ),
  port: setting(
    "MILLRACE_PORT",
    "7070",
    "Port to listen on; 0 for any that is free.",
    integer(0, 65_535),
  ),
  apiKeys: setting(
    "MILLRACE_API_KEYS",
    "",
    "Keys that callers may present (`Authorization: Bearer KEY` or `X-API-Key: KEY`), separated by commas, at least 16 characters each. Without any, everyone who reaches the loopback address may call.",
    keys,
  ),
  allowedHosts: setting(
    "MILLRACE_ALLOWED_HOSTS",
    "",
    "Host names, besides `localhost` and the loopback addresses, that a server without API keys answers for, separated by commas.",
    list,
  ),
  origins: setting(
    "MILLRACE_ORIGINS",
    "",
    "Origins of web pages that may call this server, such as `https://console.example`, separated by commas (CORS). Without API keys, each can do whatever the API can.",
    webOrigins,
  ),
  maxBodyBytes: setting(
    "MILLRACE_MAX_BODY_BYTES",
    "1048576",
    "Largest request body.",
    integer(1_024, 268_435_456),
  ),
  maxWait: setting(
    "MILLRACE_MAX_WAIT",
    "10m",
    "Longest `?wait=` that a start may ask for. A read that asks for longer is answered after this time.",
    milliseconds,
  ),
  logLevel: setting(
    "MILLRACE_LOG_LEVEL",
    "info",
    `Least level logged: ${LOG_LEVELS.map((name) => `\`${name}\``).join(", ")}.`,
    level,
  ),
  shutdownTimeout: setting(
    "MILLRACE_SHUTDOWN_TIMEOUT",
    "10s",
    "Longest time a graceful shutdown takes; then the process ends at once. Nothing acknowledged is lost either way.",
    milliseconds,
  ),
  partitions: setting(
    "MILLRACE_PARTITIONS",
    "64",
    "Partitions of a new cluster. Fixed once the database has been set up.",
    integer(1, 4_096),
  ),
  exclusive: setting(
    "MILLRACE_EXCLUSIVE",
    "false",
    "This node is meant to be the only one: at its start it takes all partitions at once instead of waiting for the leases of a crashed predecessor to end. On in `millrace dev`.",
    flag,
  ),
  activityConcurrency: setting(
    "MILLRACE_ACTIVITY_CONCURRENCY",
    "200",
    "Activities executed at the same time in this process.",
    integer(1, 100_000),
  ),
  workerMaxDeliveries: setting(
    "MILLRACE_WORKER_MAX_DELIVERIES",
    "5",
    "Times that a task of `call: worker` is given to a worker which then gives no sign of life, before the task fails; 0 for no limit. A task's `maxDeliveries` comes first. See [workers](workers.md).",
    integer(0, 1_000_000),
  ),
  eventKeep: setting(
    "MILLRACE_EVENT_KEEP",
    "PT1H",
    "How long an event is kept for a `listen` that comes after it: of any instance when its correlation is fixed, else of one that had started. See [events](events.md).",
    milliseconds,
  ),
  eventRetention: setting(
    "MILLRACE_EVENT_RETENTION",
    "P7D",
    "How long received events are stored, so that one that comes again is known by its source and id. At least `MILLRACE_EVENT_KEEP`.",
    milliseconds,
  ),
  scheduleRetention: setting(
    "MILLRACE_SCHEDULE_RETENTION",
    "P90D",
    "How long it stays on record what became of each time of a schedule. See [schedules](schedules.md).",
    milliseconds,
  ),
  catalogFolder: setting(
    "MILLRACE_CATALOG_FOLDER",
    undefined,
    "Folder of the `default` catalog: functions in `functions/{name}/{version}/function.yaml`, called as `name:version@default`. Those stored through the API come first.",
    anyText,
  ),
  masterKeyFile: setting(
    "MILLRACE_MASTER_KEY_FILE",
    undefined,
    "File with the master keys that protect the tenants' secrets, one a line, 32 bytes in base64 or hexadecimal each; the first one is used for what is new. `millrace dev` makes one in its data directory. See [secrets](secrets.md).",
    anyText,
  ),
  masterKey: setting(
    "MILLRACE_MASTER_KEY",
    undefined,
    "The same, separated by commas, in place of a file.",
    anyText,
  ),
  masterKeyCommand: setting(
    "MILLRACE_MASTER_KEY_COMMAND",
    undefined,
    "The same, as the output of this command (run by `/bin/sh`, 10 seconds at most), in place of a file.",
    anyText,
  ),
  egressAllowLoopback: setting(
    "MILLRACE_EGRESS_ALLOW_LOOPBACK",
    "false",
    "Workflows may call 127.0.0.0/8 and ::1. On in `millrace dev` and `millrace run`.",
    flag,
  ),
  egressAllowPrivate: setting(
    "MILLRACE_EGRESS_ALLOW_PRIVATE",
    "false",
    "Workflows may call private addresses (RFC 1918, RFC 6598, unique local IPv6).",
    flag,
  ),
  egressAllow: setting(
    "MILLRACE_EGRESS_ALLOW",
    "",
    "Host names (`api.internal`, `*.internal`), addresses and CIDR ranges that workflows may call although they are not public, separated by commas.",
    list,
  ),
  egressDeny: setting(
    "MILLRACE_EGRESS_DENY",
    "",
    "The same forms; refused whatever else allows them.",
    list,
  ),
  egressOnly: setting(
    "MILLRACE_EGRESS_ONLY",
    "",
    "The same forms: when given, workflows may call nothing else. It opens no address that is not public.",
    list,
  ),
  egressTenants: setting(
    "MILLRACE_EGRESS_TENANTS",
    "",
    'What single tenants may call more or less, as JSON: `{"acme": {"allow": ["10.1.2.3"], "deny": ["*.example"], "only": ["*.acme.example"]}}`. See [egress.md](egress.md).',
    tenantEgress,
  ),
  breakerFailures: setting(
    "MILLRACE_BREAKER_FAILURES",
    "20",
    "Failures in a row (of the network, or answers from 500) after which calls to a target fail at once; 0 turns circuit breakers off.",
    integer(0, 1_000_000),
  ),
  breakerOpen: setting(
    "MILLRACE_BREAKER_OPEN",
    "10s",
    "Time until an open circuit breaker lets a trial call through.",
    milliseconds,
  ),
  resources: setting(
    "MILLRACE_RESOURCES",
    "",
    "Folder of local resources: what `file:` URIs of definitions name, such as proto documents. Without one they are refused.",
    anyText,
  ),
  grpcTls: setting(
    "MILLRACE_GRPC_TLS",
    "",
    "gRPC servers (`host:port`), separated by commas, that are spoken to with TLS although their port is not 443.",
    hostPorts,
  ),
  ...PAYLOAD_SETTINGS,
  ...RUN_SETTINGS,
} as const;

type Settings = typeof SETTINGS;
type OptionalSetting =
  | "databaseUrl"
  | "catalogFolder"
  | "masterKey"
  | "masterKeyFile"
  | "masterKeyCommand"
  | OptionalPayloadSetting;

/** Times are in milliseconds, sizes in bytes. */
export type Config = {
  readonly [Key in Exclude<keyof Settings, OptionalSetting>]: ReturnType<Settings[Key]["parse"]>;
} & { readonly [Key in OptionalSetting]?: ReturnType<Settings[Key]["parse"]> };

/**
 * The configuration from the environment, `overrides` (the command line's options) winning.
 * @throws {ConfigError} one line for each fault
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  overrides: Partial<Config> = {},
): Config {
  const faults: string[] = [];
  const entries = Object.entries(SETTINGS).flatMap(
    ([key, { variable, parse, default: fallback }]) => {
      const text = environment[variable] ?? fallback;
      if (text === undefined || Object.hasOwn(overrides, key)) return [];
      try {
        return [[key, parse(text)]];
      } catch (error) {
        faults.push(`${variable}: ${(error as Error).message}`);
        return [];
      }
    },
  );
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  const config = { ...Object.fromEntries(entries), ...overrides } as Config;
  checkExposure(config);
  return Object.freeze(config);
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)
  );
}

/** Whoever can reach the API can run anything, so it is never open to a network without a key. */
export function checkExposure(config: Pick<Config, "host" | "apiKeys">): void {
  if (isLoopback(config.host) || config.apiKeys.length > 0) return;
  throw new ConfigError(
    `MILLRACE_HOST: ${config.host} is not a loopback address and there is no API key: set MILLRACE_API_KEYS, or listen on 127.0.0.1`,
  );
}

/** `MILLRACE_` variables that are none of these settings: most likely misspelt. */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const known = new Set<string>(Object.values(SETTINGS).map(({ variable }) => variable));
  // Read by the command's client half.
  for (const name of ["MILLRACE_URL", "MILLRACE_API_KEY"]) known.add(name);
  return Object.keys(environment).filter(
    (name) =>
      name.startsWith("MILLRACE_") && !known.has(name) && !name.startsWith("MILLRACE_SECRET_"),
  );
}
