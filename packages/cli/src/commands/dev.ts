/** `millrace dev`: PostgreSQL, server and worker in one process. */
import {
  describeRuns,
  type Logger,
  loadConfig,
  runsOf,
  startServer,
  supervise,
} from "@millrace/server";
import { type EmbeddedPostgres, startEmbedded } from "@millrace/server/embedded";
import { createLogger } from "@millrace/server/log";
import { LogRedaction } from "@millrace/server/secrets";
import { CommandError } from "../exit.ts";
import { complain, print } from "../output.ts";
import { localRuns } from "../run/local-runs.ts";
import { localPayloads } from "../local-payloads.ts";
import { developmentKey } from "../master-key.ts";
import { overrides, portTaken, type ServerOptions } from "../serving.ts";

export interface DevOptions extends ServerOptions {
  readonly dataDir: string;
}

/** Resolves when the API answers; the process then lives until a signal ends it. */
export async function dev(options: DevOptions): Promise<void> {
  const quiet =
    process.env["MILLRACE_LOG_LEVEL"] === undefined ? { logLevel: "warn" as const } : {};
  const settings = loadConfig(process.env, {
    egressAllowLoopback: true,
    // The lock on the data directory says that nobody else is there: no lease needs to run out first.
    exclusive: true,
    ...localRuns(process.env),
    ...localPayloads(process.env, options.dataDir),
    ...quiet,
    ...overrides(options),
  });
  const redaction = new LogRedaction();
  const log = createLogger(settings.logLevel, undefined, redaction);
  const postgres = await open(options.dataDir, log);
  const key = developmentKey(settings, options.dataDir);
  const config = { ...settings, ...key, databaseUrl: postgres.url };
  try {
    const server = await startServer(config, { log, redaction });
    const stop = async (): Promise<void> => {
      await server.stop();
      await postgres.stop();
    };
    supervise({ log, stop }, config.shutdownTimeout);
    const runs = await describeRuns(runsOf(config));
    if (runs !== undefined) complain(`${runs} (MILLRACE_RUNS says what)`);
    complain(`everything is stored in ${options.dataDir}; Ctrl-C stops, the next start goes on`);
    print(`ready ${server.url}`);
  } catch (error) {
    await postgres.stop();
    throw portTaken(error, config.port);
  }
}

async function open(dataDir: string, log: Logger): Promise<EmbeddedPostgres> {
  try {
    return await startEmbedded({ dataDir, log, onFailure: () => process.exit(1) });
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}
