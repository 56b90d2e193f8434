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

/** Pauses before each try to start again; a server that stays up for a minute has all of them before it again. */
const PAUSES_MS = [0, 100, 500, 1_000, 2_000, 4_000, 8_000];
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
  #tries = 0;
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

  /** Starts it, trying again while what is left of a killed server goes away. */
  async start(): Promise<void> {
    process.once("exit", this.#onExit);
    await this.#launch();
  }

  async #launch(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const pause = PAUSES_MS[this.#tries++] ?? 0;
      if (pause > 0) await new Promise<void>((resolve) => clock.after(pause, resolve));
      if (this.#stopping) return;
      try {
        const child = await startPostmaster(this.#options);
        this.#child = child;
        this.#startedAt = clock.monotonic();
        child.once("exit", (code, signal) => this.#ended(signal ?? code));
        // It may have ended while this function was not looking yet.
        if (child.exitCode !== null || child.signalCode !== null) this.#ended(child.exitCode);
        return;
      } catch (error) {
        if (this.#tries >= PAUSES_MS.length || !isPassing(error)) throw error;
        this.#log.warn({ err: error }, "PostgreSQL did not start; trying again");
      }
    }
  }

  #ended(how: NodeJS.Signals | number | null): void {
    if (this.#stopping || this.#restart !== undefined) return;
    this.#log.warn({ how }, "PostgreSQL ended by itself; starting it again");
    if (this.#options.clock.monotonic() - this.#startedAt > STEADY_MS) this.#tries = 0;
    this.#restart = this.#launch()
      .then(() => this.#log.info({ pid: this.pid }, "PostgreSQL is back"))
      .catch((error: unknown) => {
        this.#log.error({ err: error }, "PostgreSQL cannot be started again");
        this.#onFailure?.(error);
      })
      .finally(() => {
        this.#restart = undefined;
      });
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

/** The back ends of a killed server hold its shared memory for a moment longer. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && /shared memory|lock file|in use/.test(error.message);
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
