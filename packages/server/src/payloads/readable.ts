/** Streams whose reader may leave at any time. */
import { Readable } from "node:stream";

/**
 * `Readable.from` would tell the source only when its next chunk has come, and a generator that has not begun never.
 * @param letGo called when the reader leaves before the end, or the source fails
 */
export function readableOf(chunks: AsyncGenerator<Uint8Array>, letGo: () => void): Readable {
  return new Readable({
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      if (!this.readableEnded) letGo();
      done(error);
    },
  });
}
