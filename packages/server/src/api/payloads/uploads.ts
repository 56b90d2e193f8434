/**
 * The body of an upload, as it arrives. It may take as long as it likes while bytes come: a connection that is uploading is
 * spared the time limit of requests (`isUploading`), and has one of its own between bytes.
 */
import { ProblemError } from "@millrace/protocol";
import { createHash, type Hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../clock.ts";
import { tooLarge } from "../bodies.ts";
import { type SentDigests, sentDigests } from "./content-digest.ts";

/** Milliseconds that may pass without a byte. */
const PATIENCE_MS = 30_000;

const uploading = new WeakSet<Socket>();

export function isUploading(socket: Socket): boolean {
  return uploading.has(socket);
}

/** Spares the connection the time limit of requests while `work` goes on. */
export async function asUpload<T>({ socket }: IncomingMessage, work: () => Promise<T>): Promise<T> {
  uploading.add(socket);
  try {
    return await work();
  } finally {
    uploading.delete(socket);
  }
}

export interface UploadChecks {
  /** Bytes. */
  readonly limit: number;
  /** What the sender said the digests are; that of SHA-256 is left to whoever stores the bytes. */
  readonly digests: SentDigests;
}

/**
 * @throws {ProblemError} `payload-too-large`, `request-timeout`, `digest-mismatch`, `invalid-digest` (of a trailer); the
 * connection's own error when it ends before the body
 */
export async function* uploadedBytes(
  request: IncomingMessage,
  { limit, digests }: UploadChecks,
  clock: Clock,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hashes = new Map<keyof SentDigests, Hash>();
  const announced = /(?:content|repr)-digest/i.test(request.headers.trailer ?? "");
  if (announced) hashes.set("sha256", createHash("sha256"));
  if (announced || digests.sha512 !== undefined) hashes.set("sha512", createHash("sha512"));
  let size = 0;
  for await (const chunk of arriving(request, clock)) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    for (const hash of hashes.values()) hash.update(chunk);
    yield chunk;
  }
  const trailing = announced ? sentDigests(request.trailers) : {};
  for (const [name, hash] of hashes) {
    const expected = [digests[name], trailing[name]].filter((digest) => digest !== undefined);
    if (expected.length > 0) compare(expected, hash.digest("hex"));
  }
}

function compare(expected: readonly string[], found: string): void {
  const other = expected.find((digest) => digest !== found);
  if (other === undefined) return;
  throw new ProblemError("digest-mismatch", {
    detail: `the bytes that came have the digest ${found}, not ${other}`,
  });
}

/** Unlike the stream's own iterator, leaves the connection alone when it is left early: an answer is still to be sent. */
async function* arriving(request: IncomingMessage, clock: Clock): AsyncGenerator<Buffer> {
  let failure: unknown = request.errored ?? undefined;
  let ended = false;
  let wake = (): void => {};
  const onReadable = (): void => wake();
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  const onError = (error: unknown): void => {
    failure = error;
    wake();
  };
  const late = (): void => onError(new ProblemError("request-timeout", { detail: STALLED }));
  request.on("readable", onReadable).on("end", onEnd).on("error", onError);
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (ended) return;
      else {
        const event = Promise.withResolvers<void>();
        wake = event.resolve;
        const cancel = clock.after(PATIENCE_MS, late);
        await event.promise;
        cancel();
      }
    }
  } finally {
    request.off("readable", onReadable).off("end", onEnd).off("error", onError);
  }
}

const STALLED = `no byte of the body came for ${PATIENCE_MS / 1_000} s`;
