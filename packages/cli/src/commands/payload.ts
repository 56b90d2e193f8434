/** `millrace payload …`: bytes of any size, from and to files or standard input and output, without holding them in memory. */
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Payload, VerifiedPayload } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, instant, plain, print, printJson, table } from "../output.ts";

type Options = ClientOptions & { readonly output: Format };

export async function putPayload(
  file: string,
  options: Options & { readonly type?: string; readonly ttl?: string },
): Promise<void> {
  const { type, ttl } = options;
  const source = file === "-" ? process.stdin : createReadStream(file);
  const put = connect(options).payloads.put(Readable.toWeb(source) as globalThis.ReadableStream, {
    ...(type === undefined ? {} : { mediaType: type }),
    ...(ttl === undefined ? {} : { ttl }),
  });
  const payload = await orFileError(put, source, file);
  if (options.output === "json") printJson(payload);
  else print(payload.digest);
}

/** A file that cannot be read breaks the upload, which says less of why. */
async function orFileError<T>(work: Promise<T>, source: Readable, file: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { errored } = source;
    if (errored === null) throw error;
    throw new CommandError(`${file}: ${errored.message}`, EXIT.invalid);
  }
}

export async function getPayload(
  digest: string,
  options: ClientOptions & { readonly file?: string },
): Promise<void> {
  const { body } = await connect(options).payloads.get(digest);
  const source = Readable.fromWeb(body as ReadableStream);
  const { file } = options;
  if (file === undefined) return pipeline(source, process.stdout, { end: false });
  // The file has the bytes when all of them have come and are right; until then they are beside it.
  const partial = `${file}.${process.pid}.part`;
  try {
    await pipeline(source, createWriteStream(partial));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw new CommandError(`${file}: ${message}`, EXIT.invalid);
  }
}

export async function describePayload(digest: string, options: Options): Promise<void> {
  const payload = await connect(options).payloads.describe(digest);
  if (options.output === "json") printJson(payload);
  else print(lines(payload));
}

function lines(payload: Payload): string {
  const { digest, size, mediaType, store, kept, createdAt, expiresAt } = payload;
  const rows = [
    ["digest", digest],
    ["size", `${size} bytes`],
    ["type", mediaType],
    ["store", store],
    ["kept", kept ? "yes" : "no: something refers to it"],
    ["created", instant(createdAt)],
    ["expires", instant(expiresAt)],
  ];
  return rows.map(([name = "", value = ""]) => `${name.padEnd(9)}${plain(value)}`).join("\n");
}

export async function listPayloads(options: Options & { readonly limit: number }): Promise<void> {
  const { limit } = options;
  const rows: Payload[] = [];
  for await (const payload of connect(options).payloads.list({ limit: Math.min(limit, 500) })) {
    if (rows.push(payload) >= limit) break;
  }
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ digest, size, mediaType, store, createdAt, expiresAt }) => [
    digest,
    String(size),
    mediaType,
    store,
    instant(createdAt),
    instant(expiresAt),
  ]);
  print(table(["digest", "bytes", "type", "store", "created", "expires"], cells, "no payloads"));
}

/** @returns the exit code: what is damaged still is a failure */
export async function verifyPayloads(
  digests: readonly string[],
  options: Options,
): Promise<number> {
  const { payloads } = connect(options);
  const all: VerifiedPayload[] = [];
  for (const digest of digests) {
    const verified = await payloads.verify(digest);
    all.push(verified);
    if (options.output === "json") continue;
    const copies = verified.copies.map(({ store, state }) => `${store}: ${state}`);
    print(`${digest}: ${copies.join(", ")}`);
  }
  if (options.output === "json") printJson(all);
  const states = new Set(all.flatMap(({ copies }) => copies.map(({ state }) => state)));
  return states.has("damaged") || states.has("missing") ? EXIT.failed : EXIT.ok;
}

export async function deletePayloads(
  digests: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const { payloads } = connect(options);
  for (const digest of digests) {
    await payloads.delete(digest);
    complain(`${digest}: deleted`);
  }
}
