/** `api`: a real server on PostgreSQL, in a process of its own, under requests made from its own OpenAPI document. */
import { isObject, type Json } from "@millrace/language";
import type { Problem, Session, Target, Verdict } from "../campaign.ts";
import type { Random } from "../random.ts";
import { exampleTexts } from "../sources.ts";
import { checkAnswer } from "./check.ts";
import { ApiDocument } from "./document.ts";
import { exchange } from "./exchange.ts";
import { generateCase } from "./generate.ts";
import { bytesOf, type Case, isCase, isWhole, type Request } from "./request.ts";
import { FuzzedServer } from "./server.ts";

/** Milliseconds: far beyond any answer, well within the server's own time-outs for what is sent whole. */
const PATIENCE = 25_000;
const STREAM_FOR = 100;
/** Bytes; the server's own heap is bounded too. */
const MOST_MEMORY = 1_200 * 1024 * 1024;

export const apiTarget: Target = {
  name: "api",
  open: () => ApiSession.open(),
};

class ApiSession implements Session {
  readonly concurrency = 4;
  readonly #document: ApiDocument;
  readonly #examples = exampleTexts();
  #server: Promise<FuzzedServer>;

  private constructor(server: FuzzedServer, document: ApiDocument) {
    this.#server = Promise.resolve(server);
    this.#document = document;
  }

  static async open(): Promise<ApiSession> {
    const server = await FuzzedServer.start();
    return new ApiSession(server, new ApiDocument(await server.document()));
  }

  generate(random: Random): Json {
    return generateCase(random, this.#document, this.#examples) as unknown as Json;
  }

  async run(input: Json): Promise<Verdict> {
    if (!isObject(input) || !isCase(input)) return { outcome: "no case" };
    const server = await this.#server;
    const text = await server.filled(JSON.stringify(input)).catch(() => undefined);
    if (text === undefined) return this.#died(server);
    const { requests, together } = JSON.parse(text) as Case;
    const verdicts: Verdict[] = [];
    const send = async (request: Request) => void verdicts.push(await this.#send(server, request));
    if (together) await Promise.all(requests.map(send));
    else for (const request of requests) await send(request);
    if (server.ended !== undefined) return this.#died(server);
    const bad = verdicts.find(({ problem }) => problem !== undefined) ?? logged(server);
    return bad ?? verdicts.at(-1) ?? { outcome: "no request" };
  }

  async #send(server: FuzzedServer, request: Request): Promise<Verdict> {
    const bytes = bytesOf(request, server.url.host);
    const answer = await exchange(server.url, bytes, {
      patience: PATIENCE,
      streamFor: STREAM_FOR,
      bodiless: request.method === "HEAD",
      halfClose: !isWhole(request),
    });
    const verdict = checkAnswer(this.#document, request, answer);
    const location = answer.headers.get("location");
    if (verdict.problem !== undefined || answer.status !== 201 || location === undefined) {
      return verdict;
    }
    // What was created is there.
    const read = await this.#send(server, { method: "GET", target: location, headers: [] });
    const missing = { kind: "created, but not there", detail: `${location}: ${read.outcome}` };
    const problem = read.outcome.startsWith("200") ? read.problem : missing;
    return problem === undefined ? verdict : { ...verdict, problem };
  }

  #died(server: FuzzedServer): Verdict {
    const detail = `${server.ended}\n${server.logged.join("\n")}`;
    this.#server = server.stop().then(() => FuzzedServer.start());
    return { outcome: "died", problem: { kind: "the server died", detail } };
  }

  async finish(): Promise<Problem | undefined> {
    const server = await this.#server;
    const last = logged(server);
    if (last !== undefined) return last.problem;
    const ready = await fetch(new URL("/readyz", server.url));
    if (ready.status !== 200) return { kind: "not ready at the end", detail: await ready.text() };
    const memory = await server.memory();
    if (memory < MOST_MEMORY) return undefined;
    return { kind: "memory", detail: `${Math.round(memory / 1024 / 1024)} MiB at the end` };
  }

  async close(): Promise<void> {
    await (await this.#server).stop();
  }
}

/** What the server says about itself counts as well. With requests at the same time it may be another's. */
function logged(server: FuzzedServer): { outcome: string; problem: Problem } | undefined {
  const [first] = server.logged.splice(0);
  if (first === undefined) return undefined;
  const [line = ""] = first.split("\n");
  const kind = `logged ${line.slice(0, 80).replaceAll(/[0-9A-Z]{26}|\d+/g, "N")}`;
  return { outcome: "logged", problem: { kind, detail: first } };
}
