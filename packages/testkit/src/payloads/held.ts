/** How much of a body whoever reads it holds in memory. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MIB, randomBody } from "./bodies.ts";

/** Bytes between two looks. */
const STRIDE = 8 * MIB;
const CHUNK = MIB / 4;

/**
 * Gives `use` a body of `total` bytes, each chunk with memory of its own, that then fails with `error`.
 * @returns the most bytes that were alive in buffers beyond those before, at any time while it was read
 */
export async function heldWhile(
  total: number,
  error: Error,
  use: (body: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<number> {
  const collect = collector();
  const alive = (): number => {
    // The memory of buffers is given back a collection after their objects.
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = alive();
  let most = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < total; at += CHUNK) {
      yield randomBody(CHUNK);
      if (at % STRIDE === 0) most = Math.max(most, alive() - before);
    }
    throw error;
  }
  await use(body());
  return most;
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
