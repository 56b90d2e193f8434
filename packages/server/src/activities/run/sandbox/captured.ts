/** Takes in a stream to its end while keeping no more than so much of it. */
import type { Readable } from "node:stream";
import { TextDecoder } from "node:util";

export interface Captured {
  readonly text: string;
  /** Bytes that were read and thrown away. */
  readonly dropped: number;
}

/**
 * Reads on after the limit, so that the writer is never stuck, but keeps nothing of it. Text that was cut ends with a
 * line that says so.
 * @returns what has been kept so far; final once the stream has closed
 */
export function capture(stream: Readable, limit: number): () => Captured {
  const kept: Buffer[] = [];
  let size = 0;
  let dropped = 0;
  stream.on("data", (chunk: Buffer) => {
    const room = Math.min(chunk.length, limit - size);
    // A copy: a slice would keep the whole chunk alive.
    if (room > 0) kept.push(room === chunk.length ? chunk : Buffer.from(chunk.subarray(0, room)));
    size += room;
    dropped += chunk.length - room;
  });
  // A broken pipe is the process's end, which is waited for elsewhere.
  stream.on("error", () => undefined);
  return () => {
    const bytes = Buffer.concat(kept);
    if (dropped === 0) return { text: bytes.toString("utf8"), dropped };
    // With `stream`, a character that the cut went through is left out rather than replaced.
    const text = new TextDecoder().decode(bytes, { stream: true });
    const notice = `[cut by Millrace: ${dropped} more bytes after the first ${limit}]`;
    return { text: `${text}\n${notice}\n`, dropped };
  };
}
