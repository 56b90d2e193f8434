/**
 * PostgreSQL from the npm binaries, as a child of this process: what `millrace dev` stores in.
 *
 * A server is *running*; when its process ends by itself it is *restarting* on the same port (at once, then after
 * growing pauses), so that connection pools find it again; when that fails too often it has *failed*, which is told
 * through `onFailure`; `stop` ends it in any of these.
 *
 * It goes with this process: on exit it is asked to end. After a SIGKILL of this process it lives on as an orphan, and
 * the next start on the same directory ends it in an orderly way, then starts its own. fsync is on, so a kill of either
 * process, or of both, or a power cut, loses nothing that was committed.
 */
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { type Clock, systemClock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { findBinaries } from "./binaries.ts";
import { ensureDataDirectory, SUPERUSER } from "./data-directory.ts";
import { takeLock } from "./lock.ts";
import { type Places, places } from "./places.ts";
import { endOrphan, endPostmaster, type PostmasterOptions, startPostmaster } from "./postmaster.ts";
import { unprivilegedUser } from "./user.ts";

export interface EmbeddedOptions {
  /** Made when absent; one process at a time may use it. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; 0 or absent: any that is free. */
  readonly port?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** PostgreSQL ended by itself and could not be started again. */
  readonly onFailure?: (error: unknown) => void;
}

export interface EmbeddedPostgres {
  /** Connection URL of the superuser, password included; the same for as long as this object lives. */
  readonly url: string;
  /** The process now serving; another one after a crash. */
  readonly pid: number;
  /** Ends PostgreSQL after a checkpoint; open connections are closed. */
  stop(): Promise<void>;
}

/** Pauses before the tries of one start; the server has failed when the last one is used up. */
const TRIES_MS = [0, 100, 300, 1_000, 3_000];
/** Pauses before a start after the first, second … crash; the last one for all further ones. */
const CRASH_PAUSES_MS = [0, 0, 100, 300, 1_000];
/** A server that stays up this long has its crashes forgiven. */
const STEADY_MS = 60_000;

/** @throws when another process uses the directory, or PostgreSQL cannot be started; the message says what to do */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log = silentLogger, clock = systemClock() } = options;
  const place = places(options.dataDir);
  const release = takeLock(place.lock);
  try {
    const user = unprivilegedUser(place.data);
    const binaries = findBinaries(user);
    await ensureDataDirectory(place, binaries, user);
    const orphan = await endOrphan(place.data, clock);
    if (orphan === "ended")
      log.info({ dataDir: place.folder }, "ended the PostgreSQL of a killed run");
    const port = options.port || (await freePort());
    const server = new Server(
      { place, binaries, user, port, clock },
      log,
      release,
      options.onFailure,
    );
    await server.start();
    return server;
  } catch (error) {
    release();
    throw error;
  }
}

class Server implements EmbeddedPostgres {
  readonly url: string;
  readonly #options: PostmasterOptions;
  readonly #log: Logger;
  readonly #release: () => void;
  readonly #onFailure: ((error: unknown) => void) | undefined;
  #child: ChildProcess | undefined;
  #startedAt = 0;
  #crashes = 0;
  /** The restart under way, if any. */
  #restart: Promise<void> | undefined;
  #stopping = false;
  readonly #onExit = (): void => {
    this.#child?.kill("SIGINT");
  };

  constructor(
    options: PostmasterOptions,
    log: Logger,
    release: () => void,
    onFailure: ((error: unknown) => void) | undefined,
  ) {
    this.url = urlOf(options.place, options.port);
    this.#options = options;
    this.#log = log;
    this.#release = release;
    this.#onFailure = onFailure;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    process.once("exit", this.#onExit);
    await this.#launch();
  }

  /** Starts PostgreSQL, trying again while what is left of a killed one goes away. */
  async #launch(): Promise<void> {
    for (const [turn, pause] of TRIES_MS.entries()) {
      await this.#pause(pause);
      if (this.#stopping) return;
      try {
        this.#adopt(await startPostmaster(this.#options));
        return;
      } catch (error) {
        if (turn === TRIES_MS.length - 1 || !isPassing(error)) throw error;
        this.#log.warn(
          { reason: (error as Error).message },
          "PostgreSQL did not start; trying again",
        );
      }
    }
  }

  #adopt(child: ChildProcess): void {
    this.#child = child;
    this.#startedAt = this.#options.clock.monotonic();
    child.once("exit", (code, signal) => this.#ended(signal ?? code));
  }

  #ended(how: NodeJS.Signals | number | null): void {
    if (this.#stopping) return;
    this.#log.warn({ how }, "PostgreSQL ended by itself; starting it again");
    this.#restart = this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    if (this.#options.clock.monotonic() - this.#startedAt > STEADY_MS) this.#crashes = 0;
    try {
      await this.#pause(CRASH_PAUSES_MS[this.#crashes++] ?? CRASH_PAUSES_MS.at(-1) ?? 0);
      await this.#launch();
      this.#log.info({ pid: this.pid }, "PostgreSQL is back");
    } catch (error) {
      this.#log.error({ err: error }, "PostgreSQL cannot be started again");
      this.#onFailure?.(error);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return;
    await new Promise<void>((resolve) => this.#options.clock.after(milliseconds, resolve));
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#restart;
    process.removeListener("exit", this.#onExit);
    const child = this.#child;
    if (child?.pid !== undefined) {
      const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
      if (!isGone()) await endPostmaster(child.pid, isGone, this.#options.clock);
    }
    this.#release();
  }
}

/** The back ends of a killed server hold its shared memory for a moment longer; and a kill may meet one that starts. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof Error && /shared memory|lock file|in use|ended with SIG/.test(error.message)
  );
}

function urlOf({ password }: Places, port: number): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        resolve(address !== null && typeof address === "object" ? address.port : 0),
      );
    });
  });
}
