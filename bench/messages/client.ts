/**
 * A thread of callers. Each caller has one request on its way at a time: in the mix it puts a message, gets it, and deletes it,
 * again and again; else it gets one of the messages it was given. Every answer is checked.
 */
import { hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { Connection, request } from "./connection.ts";

export interface ClientJob {
  readonly port: number;
  /** Counts the threads; no two threads send the same message. */
  readonly thread: number;
  readonly connections: number;
  /** Requests on their way on each connection: so many callers share it. */
  readonly pipelined: number;
  /** Characters of a message. */
  readonly size: number;
  readonly work: Work;
}

export type Work =
  /** Rounds of POST, GET and DELETE by all callers of the thread together. */
  | { readonly kind: "rounds"; readonly count: number }
  /** Rounds for so many milliseconds after a warm-up. */
  | { readonly kind: "mix"; readonly warmUp: number; readonly measure: number }
  /** GETs of so many messages, which each thread puts beforehand, for so many milliseconds after a warm-up. */
  | {
      readonly kind: "gets";
      readonly warmUp: number;
      readonly measure: number;
      readonly stored: number;
    };

export interface ClientResult {
  /** Answered while it was measured. */
  readonly requests: number;
  /** Epoch milliseconds of the measurement. */
  readonly from: number;
  readonly until: number;
  /** Milliseconds from each request to its answer. */
  readonly times: Float64Array;
}

const port = parentPort;
if (port === null) throw new Error("a thread of the benchmark");
const job = workerData as ClientJob;
const { work } = job;
const now = (): number => performance.timeOrigin + performance.now();
const times: number[] = [];
const tag = hash("sha256", `${process.pid} ${now()} ${job.thread}`).slice(0, 6);
let [sent, from, until, callers] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];

function fail(error: Error): never {
  throw error;
}

function expect(isRight: boolean, what: string, status: number, body: string): void {
  if (!isRight) throw new Error(`${what} was answered with ${status}: ${body.slice(0, 200)}`);
}

/** Calls `next` with an answer that was as it should be, and notes its time. */
function ask(
  connection: Connection,
  method: string,
  path: string,
  body: string | undefined,
  wanted: readonly number[],
  next: (answer: Record<string, string>) => void,
): void {
  const began = now();
  connection.send(request(method, path, body), (status, text) => {
    expect(wanted.includes(status), `${method} ${path}`, status, text);
    const ended = now();
    if (ended >= from && ended < until) times.push(ended - began);
    next(JSON.parse(text) as Record<string, string>);
  });
}

/** `20 characters`: which thread, which message, and filling. */
function message(): string {
  return `${tag}${(sent++).toString(36)}.`.padEnd(job.size, "x");
}

function isOver(): boolean {
  return work.kind === "rounds" ? sent >= work.count : now() >= until;
}

function round(connection: Connection, done: () => void): void {
  if (isOver()) return done();
  const text = message();
  const digest = hash("sha256", text);
  const path = `/messages/${digest}`;
  ask(connection, "POST", "/messages", `{"message":"${text}"}`, [200, 201], (put) => {
    if (put["digest"] !== digest) fail(new Error(`another digest of ${text}`));
    ask(connection, "GET", path, undefined, [200], (got) => {
      if (got["message"] !== text) fail(new Error(`another message than ${text}`));
      ask(connection, "DELETE", path, undefined, [200], () => round(connection, done));
    });
  });
}

/** Texts of the messages of this thread by their digests. */
const stored: (readonly [string, string])[] = [];

function store(connection: Connection, text: string): Promise<void> {
  const digest = hash("sha256", text);
  stored.push([digest, text]);
  return new Promise((resolve) => {
    const body = `{"message":"${text}"}`;
    ask(connection, "POST", "/messages", body, [200, 201], () => resolve());
  });
}

function gets(connection: Connection, done: () => void): void {
  if (isOver()) return done();
  const one = stored[Math.floor(Math.random() * stored.length)];
  if (one === undefined) throw new Error("nothing is stored");
  ask(connection, "GET", `/messages/${one[0]}`, undefined, [200], (got) => {
    if (got["message"] !== one[1]) fail(new Error(`another message than ${one[1]}`));
    gets(connection, done);
  });
}

const connections = await Promise.all(
  Array.from({ length: job.connections }, () => Connection.open(job.port, fail)),
);
if (work.kind === "gets") {
  const [first] = connections;
  if (first === undefined) throw new Error("no connection");
  const puts = Array.from({ length: work.stored }, () => store(first, message()));
  first.flush();
  await Promise.all(puts);
}
port.once("message", () => {
  from = now() + (work.kind === "rounds" ? 0 : work.warmUp);
  if (work.kind !== "rounds") until = from + work.measure;
  for (const connection of connections) {
    for (let caller = 0; caller < job.pipelined; caller++) {
      callers += 1;
      if (work.kind === "gets") gets(connection, leave);
      else round(connection, leave);
    }
    connection.flush();
  }
});
port.postMessage("ready");

function leave(): void {
  if (--callers > 0) return;
  for (const connection of connections) connection.close();
  const result: ClientResult = {
    requests: times.length,
    from,
    until: work.kind === "rounds" ? now() : until,
    times: Float64Array.from(times),
  };
  port?.postMessage(result, [result.times.buffer as ArrayBuffer]);
  port?.close();
}
