/** A server with webhooks, and receivers for them. */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { loadConfig, type Server, silentLogger, startServer } from "@millrace/server";
import { createDatabase, type TestDatabase } from "@millrace/testkit";

export const SETTINGS = {
  MILLRACE_EGRESS_ALLOW_LOOPBACK: "true",
  MILLRACE_MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
};

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What a receiver answers: a status, with header fields if any; a promise answers later. */
type Answer = number | readonly [number, Record<string, string>];

export class Receiver {
  readonly received: Received[] = [];
  answer: (one: Received) => Answer | Promise<Answer> = () => 200;
  readonly #server: HttpServer;
  #wake: () => void = () => {};

  private constructor(server: HttpServer) {
    this.#server = server;
  }

  static async start(t: TestContext): Promise<Receiver> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        const one = { headers: request.headers, body: Buffer.concat(chunks) };
        receiver.received.push(one);
        receiver.#wake();
        void Promise.resolve(receiver.answer(one)).then((answer) => {
          const [status, headers] = typeof answer === "number" ? [answer, {}] : answer;
          return response.writeHead(status, headers).end();
        });
      });
    });
    const receiver = new Receiver(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Resolves when so many have come that pass. */
  async until(count: number, passes: (one: Received) => boolean = () => true): Promise<Received[]> {
    for (;;) {
      const some = this.received.filter(passes);
      if (some.length >= count) return some;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface Event {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject?: string;
  readonly data?: Record<string, unknown>;
}

export const eventOf = ({ body }: Received): Event => JSON.parse(body.toString("utf8")) as Event;

/**
 * Standard Webhooks as a receiver checks it, by the Web Crypto API: true when any of the signatures is this secret's.
 */
export async function verified({ headers, body }: Received, secret: string): Promise<boolean> {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  assert.ok(typeof id === "string" && typeof timestamp === "string");
  assert.ok(Math.abs(Date.now() / 1_000 - Number(timestamp)) < 300);
  const key = await webcrypto.subtle.importKey(
    "raw",
    Buffer.from(secret.replace("whsec_", ""), "base64"),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  for (const one of String(headers["webhook-signature"]).split(" ")) {
    const [version, signature = ""] = one.split(",");
    assert.equal(version, "v1");
    const bytes = Buffer.from(signature, "base64");
    if (await webcrypto.subtle.verify("HMAC", key, bytes, signed)) return true;
  }
  return false;
}

export interface Api {
  readonly server: Server;
  readonly database: TestDatabase;
  /** The JSON of an answer; the status has to be 2xx unless another is named. */
  readonly call: <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    status?: number,
  ) => Promise<T>;
  /** Starts an instance and waits for its end. */
  readonly run: (name: string, input?: unknown) => Promise<string>;
}

/** Stops with the test. */
export async function startApi(
  t: TestContext,
  workflows: readonly string[],
  settings: Readonly<Record<string, string>> = SETTINGS,
): Promise<Api> {
  const database = await createDatabase();
  const config = loadConfig({ ...settings, MILLRACE_PORT: "0" }, { databaseUrl: database.url });
  const server = await startServer(config, { log: silentLogger });
  t.after(async () => {
    await server.stop();
    await database.drop();
  });
  for (const text of workflows) await server.runtime.applyWorkflow({ text });
  return {
    server,
    database,
    async call<T>(method: string, path: string, body?: unknown, status?: number) {
      const response = await fetch(`${server.url}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      const text = await response.text();
      if (status === undefined) assert.ok(response.ok, `${method} ${path}: ${text}`);
      else assert.equal(response.status, status, text);
      return (text === "" ? {} : JSON.parse(text)) as T;
    },
    async run(name, input = {}) {
      const { runtime } = server;
      const started = await runtime.startInstance({
        namespace: "test",
        name,
        input: input as Record<string, never>,
      });
      await runtime.waitInstance(started.id, 20_000);
      return started.id;
    },
  };
}
