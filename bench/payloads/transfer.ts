/** One large payload to a server and back, and the same file by the tools of the system. */
import { execFile, fork } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const SERVER = join(import.meta.dirname, "server.ts");
const MIB = 1024 * 1024;

/** Random bytes, on disk. */
export async function writeFileOf(path: string, mebibytes: number): Promise<void> {
  const file = await open(path, "w");
  const block = Buffer.alloc(MIB);
  for (let count = 0; count < mebibytes; count++) await file.write(randomFillSync(block));
  await file.sync();
  await file.close();
}

/** Seconds that the system's tools take, one after the other, which is what somebody does by hand. */
export async function byHand(path: string, isSynced: boolean): Promise<number> {
  const copy = `${path}.copy`;
  const since = performance.now();
  await run("cp", [path, copy]);
  if (isSynced) await run("sync", [copy]);
  await run("sha256sum", [copy]);
  const seconds = (performance.now() - since) / 1000;
  await rm(copy);
  return seconds;
}

export interface Transfer {
  readonly seconds: number;
  /** MiB by which the server's resident memory grew at most. */
  readonly grown: number;
}

/** The server under test. */
export interface TransferServer {
  /** PUT of the file; the digest that the server says. */
  put(path: string): Promise<Transfer & { readonly digest: string }>;
  /** GET of the whole payload; fails when other than `bytes` come. */
  get(digest: string, bytes: number): Promise<Transfer>;
  delete(digest: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startTransferServer(
  settings: Readonly<Record<string, string>>,
): Promise<TransferServer> {
  const child = fork(SERVER, [JSON.stringify(settings)]);
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  child.once("exit", (code, signal) =>
    ended.reject(new Error(`the server ended with ${code ?? signal}`)),
  );
  const told = async <T>(): Promise<T> => {
    const [message] = (await Promise.race([once(child, "message"), ended.promise])) as [T];
    return message;
  };
  const { url } = await told<{ readonly url: string }>();
  const measured = async <T>(work: () => Promise<T>): Promise<T & Transfer> => {
    child.send("begin");
    await told();
    const since = performance.now();
    const result = await work();
    const seconds = (performance.now() - since) / 1000;
    child.send("end");
    const { grown } = await told<{ readonly grown: number }>();
    return { ...result, seconds, grown: grown / MIB };
  };
  return {
    put: (path) => measured(async () => ({ digest: await put(`${url}/v1/payloads`, path) })),
    get: (digest, bytes) =>
      measured(async () => get(`${url}/v1/payloads/${digest}`, bytes).then(() => ({}))),
    delete: async (digest) => {
      const response = await fetch(`${url}/v1/payloads/${digest}`, { method: "DELETE" });
      if (!response.ok) throw new Error(`DELETE: ${response.status} ${await response.text()}`);
      await response.body?.cancel();
    },
    async stop() {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

async function put(url: string, path: string): Promise<string> {
  const headers = { "content-type": "application/octet-stream" };
  const sent = request(url, { method: "PUT", headers });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  await pipeline(createReadStream(path, { highWaterMark: MIB }), sent);
  const [response] = await answered;
  const text = await textOf(response);
  if ((response.statusCode ?? 0) >= 300) throw new Error(`PUT: ${response.statusCode} ${text}`);
  return (JSON.parse(text) as { readonly digest: string }).digest;
}

async function get(url: string, bytes: number): Promise<void> {
  const sent = request(url);
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  if (response.statusCode !== 200)
    throw new Error(`GET: ${response.statusCode} ${await textOf(response)}`);
  let came = 0;
  response.on("data", (chunk: Buffer) => {
    came += chunk.length;
  });
  await once(response, "end");
  if (came !== bytes) throw new Error(`GET: ${came} of ${bytes} bytes came`);
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const part of response) text += String(part);
  return text;
}
