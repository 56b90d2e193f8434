/**
 * The server under test: the command that users run, kept alive as a service manager would. It is *up* from its line
 * `ready URL` on; when its process ends, whatever the reason, it is started again after a pause, until it is stopped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../postgres-server.ts";

const COMMAND = join(import.meta.dirname, "../../../cli/bin/millrace.js");
const RESTART_MS = 300;

export interface ServerProcessOptions {
  /** Words after `millrace`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** A file for what it says on stderr. */
  readonly log: string;
}

export class ServerProcess {
  readonly url: string;
  /** Times that it ended by itself after it had been up. */
  deaths = 0;
  readonly #options: ServerProcessOptions;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #isUp = false;
  #isOurKill = false;
  #stopped = false;
  #waiting: NodeJS.Timeout | undefined;

  private constructor(options: ServerProcessOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options, await freePort());
    server.#launch();
    return server;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** SIGKILL; it is started again. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    this.#isOurKill = true;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Ends it for good, the orderly way, within its own time limit. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#waiting);
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  }

  #launch(): void {
    const { words, environment, log } = this.#options;
    const stderr = openSync(log, "a");
    const child = spawn(process.execPath, [COMMAND, ...words, "--port", String(this.#port)], {
      // The channel ends it when this process is killed.
      stdio: ["ignore", "pipe", stderr, "ipc"],
      // A group of its own: Ctrl-C in the terminal is for the run, which ends the server last.
      detached: true,
      env: { ...process.env, MILLRACE_LOG_LEVEL: "warn", ...environment },
    });
    closeSync(stderr);
    this.#child = child;
    this.#isOurKill = false;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (line.startsWith("ready ")) this.#isUp = true;
    });
    child.once("exit", () => {
      if (this.#isUp && !this.#isOurKill && !this.#stopped) this.deaths += 1;
      this.#isUp = false;
      if (!this.#stopped) this.#waiting = setTimeout(() => this.#launch(), RESTART_MS);
    });
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
