/** Random bytes for ids: the kernel is asked for many at once, because each question costs microseconds. */
import { randomFillSync } from "node:crypto";

const SIZE = 10;
const pool = new Uint8Array(4096 - (4096 % SIZE));
let at = pool.length;

/** Ten random bytes, the caller's own. */
export function random10(): Uint8Array {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  at += SIZE;
  return pool.slice(at - SIZE, at);
}
