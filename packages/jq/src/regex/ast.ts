/** What a pattern means. */

/** Tells whether a code point belongs to a class. */
export type Test = (point: number) => boolean;

export type Anchor =
  | "text-start"
  | "text-end"
  | "text-end-or-last-newline"
  | "line-start"
  | "line-end"
  | "word-boundary"
  | "no-word-boundary"
  | "search-start";

export interface Repeat {
  readonly kind: "repeat";
  readonly body: PatternNode;
  readonly min: number;
  readonly max: number;
  readonly mode: "greedy" | "lazy" | "possessive";
}

export type PatternNode =
  | { readonly kind: "empty" }
  | { readonly kind: "char"; readonly point: number; readonly ignoreCase: boolean }
  | { readonly kind: "class"; readonly test: Test }
  | { readonly kind: "anchor"; readonly anchor: Anchor }
  | { readonly kind: "sequence"; readonly items: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly options: readonly PatternNode[] }
  | Repeat
  | { readonly kind: "capture"; readonly index: number; readonly body: PatternNode }
  | { readonly kind: "atomic"; readonly body: PatternNode }
  | {
      readonly kind: "look";
      readonly behind: boolean;
      readonly negative: boolean;
      readonly body: PatternNode;
    }
  | { readonly kind: "keep" }
  | {
      readonly kind: "backreference";
      readonly groups: readonly number[];
      readonly ignoreCase: boolean;
    }
  | { readonly kind: "call"; readonly index: number }
  | {
      readonly kind: "condition";
      readonly group: number;
      readonly yes: PatternNode;
      readonly no: PatternNode;
    };

export interface ParsedPattern {
  readonly root: PatternNode;
  /** Number of capture groups. */
  readonly groups: number;
  /** Name of each group by its number, from 1. */
  readonly names: readonly (string | null)[];
}
