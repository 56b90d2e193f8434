/** A planted bug: what is changed where, what it breaks, and which test has to notice. */

export interface Mutant {
  readonly name: string;
  /** In words: what the program does wrong with it. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly killer: Killer;
}

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export type Killer =
  /** Some seed up to this many finds a violation. */
  | { readonly kind: "simulator"; readonly seeds: number }
  /** A test of this file fails. */
  | { readonly kind: "test"; readonly file: string };

/** How often `find` occurs in a text. */
export function occurrences(text: string, find: string): number {
  return text.split(find).length - 1;
}
