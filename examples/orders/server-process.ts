/** `millrace dev` as a process of its own, which the demonstration kills and starts again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { postgresPid } from "@millrace/server/embedded";

const COMMAND = join(import.meta.dirname, "../../packages/cli/bin/millrace.js");

export interface Kill {
  readonly what: string;
  /** Milliseconds from the kill until the API answered again. */
  readonly backAfter: number;
}

export class ServerProcess {
  readonly #dataDir: string;
  #child: ChildProcess | undefined;
  #url = "";

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Where it listens: the same address after every start. */
  get url(): string {
    return this.#url;
  }

  /** Resolves when the API answers. */
  async start(): Promise<void> {
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const words = [COMMAND, "dev", "--port", port, "--data-dir", this.#dataDir];
    // The channel ends the server when the demonstration itself is killed.
    const child = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, MILLRACE_LOG_LEVEL: process.env["MILLRACE_LOG_LEVEL"] ?? "error" },
    });
    this.#child = child;
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    const ready = Promise.withResolvers<string>();
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      if (line.startsWith("ready ")) ready.resolve(line.slice("ready ".length));
    });
    child.once("exit", (code) =>
      ready.reject(new Error(`millrace dev ended with ${code}: ${said}`)),
    );
    this.#url = await ready.promise;
  }

  /** SIGKILLs the server, PostgreSQL too if asked, and starts again. */
  async killAndStart(withPostgres: boolean): Promise<Kill> {
    const killed = performance.now();
    const postgres = withPostgres ? postgresPid(this.#dataDir) : undefined;
    await this.#end("SIGKILL");
    if (postgres !== undefined) process.kill(postgres, "SIGKILL");
    await this.start();
    const what = withPostgres ? "server and PostgreSQL" : "server";
    return { what, backAfter: performance.now() - killed };
  }

  /** Ends it the orderly way. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}
