/** How the shop misbehaves: drawn from a seed, so that a run can be repeated. */
import { createHash } from "node:crypto";

/**
 * - `prompt`: as it should be.
 * - `slow`: applied, answered late.
 * - `lost`: applied, and the connection cut instead of an answer: the caller cannot know.
 * - `unavailable`: 503, nothing applied.
 */
export type Mood = "prompt" | "slow" | "lost" | "unavailable";

export interface Mischief {
  readonly mood: Mood;
  /** Milliseconds until the answer. */
  readonly delay: number;
}

/** Parts of all calls. */
const UNAVAILABLE = 0.12;
const LOST = 0.12;
const SLOW = 0.12;
const LONGEST_DELAY_MS = 800;
/** From here on a call for the same effect is served well, so that no order depends on endless luck. */
const PATIENCE = 4;

/** @param call how many calls for this effect (such as `order-7/charge`) came before this one, plus one */
export function mischief(seed: string, effect: string, call: number): Mischief {
  if (call > PATIENCE) return { mood: "prompt", delay: 0 };
  const digest = createHash("sha256").update(`${seed}/${effect}/${call}`).digest();
  const draw = digest.readUInt32BE(0) / 2 ** 32;
  if (draw < UNAVAILABLE) return { mood: "unavailable", delay: 0 };
  if (draw < UNAVAILABLE + LOST) return { mood: "lost", delay: 0 };
  if (draw >= UNAVAILABLE + LOST + SLOW) return { mood: "prompt", delay: 0 };
  return { mood: "slow", delay: 50 + (digest.readUInt32BE(4) % (LONGEST_DELAY_MS - 50)) };
}
