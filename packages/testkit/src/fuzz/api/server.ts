/** Starts the server under test with a database of its own and something in it, and watches over it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { JsonObject } from "@millrace/language";
import { createDatabase, type TestDatabase } from "../../postgres.ts";

type Message = { url?: string; log?: string; memory?: number };

const head = (name: string, version: string): string =>
  `document: { dsl: '1.0.3', namespace: fuzz, name: ${name}, version: '${version}' }`;
const WORKFLOWS = [
  `${head("hello", "1.0.0")}\ndo: [ { a: { set: { hello: '\${ . }' } } } ]`,
  `${head("hello", "2.0.0")}\ndo: [ { a: { set: '\${ . }' } } ]`,
  `${head("waiter", "1.0.0")}\ndo: [ { a: { wait: PT1H } } ]`,
  `${head("faulty", "1.0.0")}\ndo: [ { a: { raise: { error: { type: 'https://x.example/e', status: 400 } } } } ]`,
];

export class FuzzedServer {
  readonly url: URL;
  /** Warnings and errors that it logged. */
  readonly logged: string[] = [];
  readonly #child: ChildProcess;
  readonly #database: TestDatabase;
  #ids: Readonly<Record<string, string>> = {};

  private constructor(child: ChildProcess, database: TestDatabase, url: string) {
    this.#child = child;
    this.#database = database;
    this.url = new URL(url);
    child.on("message", ({ log }: Message) => {
      if (log !== undefined) this.logged.push(log);
    });
  }

  static async start(): Promise<FuzzedServer> {
    const database = await createDatabase();
    const child = fork(join(import.meta.dirname, "server-process.ts"), [], {
      env: { ...process.env, MILLRACE_DATABASE_URL: database.url },
      execArgv: ["--max-old-space-size=1024"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [{ url, log }] = (await once(child, "message")) as [Message];
    if (url === undefined) throw new Error(`the server did not start: ${log}`);
    const server = new FuzzedServer(child, database, url);
    await server.#fill();
    return server;
  }

  /** Something for every kind of request to find. */
  async #fill(): Promise<void> {
    for (const text of WORKFLOWS) {
      const headers = { "content-type": "application/yaml" };
      await this.#post("/v1/workflows", text, headers);
    }
    const started = async (name: string, wait = "?wait=2s") => {
      const { id } = await this.#post(`/v1/workflows/fuzz/${name}/instances${wait}`, "{}");
      return id as string;
    };
    this.#ids = {
      "@DONE@": await started("hello"),
      "@FAULTED@": await started("faulty"),
      "@SUSPENDED@": await started("waiter", ""),
    };
    await this.#post(`/v1/instances/${this.#ids["@SUSPENDED@"]}/suspend`, "{}");
    const kept = async (message: string) =>
      (await this.#post("/messages", JSON.stringify({ message })))["digest"] as string;
    const [small, text] = [await kept("small"), await kept("long enough to compress ".repeat(500))];
    this.#ids = { ...this.#ids, "@KEPT@": small, "@TEXT@": text };
  }

  async #post(path: string, body: string, headers = {}): Promise<JsonObject> {
    const response = await fetch(new URL(path, this.url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    const value = (await response.json()) as JsonObject;
    if (response.status >= 300) throw new Error(`${path}: ${JSON.stringify(value)}`);
    return value;
  }

  /** Puts ids where a generated text names an instance: `@DONE@`, `@FAULTED@`, `@SUSPENDED@`, and a new `@WAITING@`. */
  async filled(text: string): Promise<string> {
    let made = text;
    for (const [token, id] of Object.entries(this.#ids)) made = made.replaceAll(token, id);
    if (!made.includes("@WAITING@")) return made;
    const { id } = await this.#post("/v1/workflows/fuzz/waiter/instances", "{}");
    return made.replaceAll("@WAITING@", id as string);
  }

  async document(): Promise<JsonObject> {
    return (await (await fetch(new URL("/openapi.json", this.url))).json()) as JsonObject;
  }

  /** How it ended, when it has ended. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? undefined : String(exitCode ?? signalCode);
  }

  /** Bytes resident. */
  async memory(): Promise<number> {
    this.#child.send("memory");
    for (;;) {
      const [{ memory }] = (await once(this.#child, "message")) as [Message];
      if (memory !== undefined) return memory;
    }
  }

  async stop(): Promise<void> {
    if (this.ended === undefined) {
      const gone = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await gone;
    }
    await this.#database.drop();
  }
}
