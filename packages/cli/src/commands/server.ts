/** `millrace server`: a server on the PostgreSQL of the configuration. */
import {
  loadConfig,
  RuntimeError,
  startServer,
  supervise,
  unknownVariables,
} from "@millrace/server";
import { CommandError } from "../exit.ts";
import { complain, print } from "../output.ts";
import { overrides, portTaken, type ServerOptions } from "../serving.ts";

/** Resolves when the API answers; the process then lives until a signal ends it. */
export async function server(options: ServerOptions): Promise<void> {
  const config = loadConfig(process.env, overrides(options));
  for (const name of unknownVariables(process.env)) complain(`millrace: ${name} is no setting`);
  try {
    const running = await startServer(config);
    supervise(running, config.shutdownTimeout);
    print(`ready ${running.url}`);
  } catch (error) {
    if (error instanceof RuntimeError) throw new CommandError(error.message);
    throw portTaken(error, config.port);
  }
}
