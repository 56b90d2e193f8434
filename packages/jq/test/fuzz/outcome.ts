/** What becomes of a program and an input, in either implementation. */
import type { Json } from "../../src/index.ts";

export interface Case {
  readonly program: string;
  readonly input: Json;
}

export type Outcome =
  /** The outputs, and after the last one the value of the error that ended the program, if one did. */
  | { readonly kind: "ended"; readonly outputs: readonly Json[]; readonly error?: Json }
  | { readonly kind: "refused"; readonly message: string }
  /** It took too long, or too much memory. */
  | { readonly kind: "exhausted"; readonly message: string }
  /** It did what no program may make it do. */
  | { readonly kind: "crashed"; readonly message: string };

/** Outputs of a program that are looked at. */
export const MOST_OUTPUTS = 50;

/**
 * The program as both run it: its outputs come out in pairs with 0, and an error in a pair with 1, so that one line of JSON
 * holds all.
 */
export const wrapped = (program: string): string =>
  `[limit(${MOST_OUTPUTS}; try ((${program}\n) | [0, .]) catch [1, .])]`;

/** Reads what the wrapped program gave. */
export function unwrap(pairs: Json): Outcome {
  const list = pairs as [number, Json][];
  const outputs = list.filter(([tag]) => tag === 0).map(([, value]) => value);
  const failed = list.find(([tag]) => tag === 1);
  return failed === undefined
    ? { kind: "ended", outputs }
    : { kind: "ended", outputs, error: failed[1] };
}
