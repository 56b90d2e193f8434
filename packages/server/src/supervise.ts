/**
 * The process around a server: when it ends, and with which exit code.
 *
 * SIGTERM or SIGINT stops the server gracefully and exits 0; when that takes longer than its bound, or a second signal
 * comes, the process exits 1 at once. An exception that nothing caught leaves the process in an unknown state, so it is
 * logged and the process exits 1: every acknowledged change is in the database, and a restart goes on from there.
 */
import type { Logger } from "./logger.ts";

export interface Supervised {
  readonly log: Logger;
  stop(): Promise<void>;
}

/** @param shutdownTimeout milliseconds that `stop` may take */
export function supervise(server: Supervised, shutdownTimeout: number): void {
  const { log } = server;
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) {
      log.warn({ signal }, "second signal: exiting at once");
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, "shutting down");
    setTimeout(() => {
      log.error({ shutdownTimeout }, "graceful shutdown took too long: exiting at once");
      process.exit(1);
    }, shutdownTimeout).unref();
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(log, error, "shutdown failed"),
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  // A rejection that nothing handles arrives here too.
  process.on("uncaughtException", (error) => fail(log, error, "uncaught exception: exiting"));
}

function fail(log: Logger, error: unknown, message: string): void {
  log.error({ err: error }, message);
  process.exit(1);
}
