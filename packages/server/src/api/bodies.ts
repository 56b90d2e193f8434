/** Bodies that a route reads itself. */
import { ProblemError } from "@millrace/protocol";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";

/** Milliseconds for which what a refused sender still sends is read and dropped. */
const LINGER_MS = 5_000;

/** @throws {ProblemError} `payload-too-large`; the connection's own error when it ends before the body */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers["content-length"]) > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) fail(tooLarge(limit));
      else if (first === undefined) first = chunk;
      else (more ??= [first]).push(chunk);
    };
    const end = (): void => {
      if (more === undefined) resolve(first ?? NOTHING);
      else resolve(Buffer.concat(more, size));
    };
    const fail = (error: Error): void => {
      request.off("data", take).off("end", end);
      reject(error);
    };
    request.on("data", take).on("end", end).on("error", fail);
  });
}

const NOTHING = Buffer.alloc(0);

export function tooLarge(limit: number): ProblemError {
  return new ProblemError("payload-too-large", {
    detail: `the body is larger than ${limit} bytes`,
  });
}

/** @throws {ProblemError} `unsupported-media-type`, as RFC 9110 section 8.4 has it, for any content coding */
export function refuseCoding(headers: IncomingHttpHeaders): void {
  const coding = headers["content-encoding"];
  if (coding === undefined || coding.toLowerCase() === "identity") return;
  throw new ProblemError("unsupported-media-type", {
    detail: `Content-Encoding: ${coding}: send the bytes as they are`,
  });
}

/**
 * For an answer that comes before the end of the body: what the sender still sends is dropped for a while, so that it gets to
 * read the answer (closing at once would reset the connection under it); then the connection is cut.
 */
export function linger(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  request.on("error", () => {});
  request.resume();
  const cancel = clock.after(LINGER_MS, () => request.socket.destroy());
  request.once("close", cancel);
}
