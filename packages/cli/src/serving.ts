/** What `dev` and `server` have in common. */
import type { Config } from "@millrace/server";
import { CommandError } from "./exit.ts";

export interface ServerOptions {
  readonly port?: number;
  readonly host?: string;
  readonly logLevel?: Config["logLevel"];
}

/** The settings that the command line gives. */
export function overrides({ port, host, logLevel }: ServerOptions): Partial<Config> {
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
}

/** Says in one line that somebody else listens there; any other error stays as it is. */
export function portTaken(error: unknown, port: number): unknown {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== "EADDRINUSE") return error;
  return new CommandError(
    `port ${port} is in use, perhaps by another millrace: stop that one, or give another --port`,
  );
}
