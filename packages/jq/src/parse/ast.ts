/** The syntax tree of a program. `at` is an offset into the source. */
import type { BinaryOperator } from "../values/arithmetic.ts";
import type { Json } from "../values/json.ts";

interface At {
  readonly at: number;
}

export type AssignOperator = "=" | "|=" | "+=" | "-=" | "*=" | "/=" | "%=" | "//=";

export interface ObjectEntry {
  readonly key: Node;
  readonly value: Node;
}

export interface ObjectPatternEntry extends At {
  /** The variable bound to the whole entry: `$name` or `$name: pattern`. */
  readonly variable?: string;
  readonly key?: Node;
  readonly pattern?: Pattern;
}

export type Pattern =
  | (At & { readonly kind: "variable"; readonly name: string })
  | (At & { readonly kind: "array"; readonly items: readonly Pattern[] })
  | (At & { readonly kind: "object"; readonly entries: readonly ObjectPatternEntry[] });

export interface Parameter {
  readonly name: string;
  /** `$name`: evaluated at the call and also readable as a variable. */
  readonly isValue: boolean;
}

export interface Definition extends At {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: Node;
}

export type Node = At &
  (
    | { readonly kind: "identity" }
    | { readonly kind: "recurse" }
    | { readonly kind: "location"; readonly line: number }
    | { readonly kind: "literal"; readonly value: Json }
    | { readonly kind: "format"; readonly name: string }
    | {
        readonly kind: "string";
        readonly format: string;
        readonly parts: readonly (string | Node)[];
      }
    | {
        readonly kind: "index";
        readonly target: Node;
        readonly key: Node;
        readonly optional: boolean;
      }
    | {
        readonly kind: "slice";
        readonly target: Node;
        readonly from?: Node;
        readonly to?: Node;
        readonly optional: boolean;
      }
    | { readonly kind: "iterate"; readonly target: Node; readonly optional: boolean }
    | { readonly kind: "try"; readonly body: Node; readonly handler?: Node }
    | { readonly kind: "negate"; readonly body: Node }
    | { readonly kind: "pipe"; readonly left: Node; readonly right: Node }
    | { readonly kind: "comma"; readonly items: readonly Node[] }
    | {
        readonly kind: "binary";
        readonly operator: BinaryOperator;
        readonly left: Node;
        readonly right: Node;
      }
    | { readonly kind: "and" | "or" | "alternative"; readonly left: Node; readonly right: Node }
    | {
        readonly kind: "assign";
        readonly operator: AssignOperator;
        readonly left: Node;
        readonly right: Node;
      }
    | { readonly kind: "if"; readonly condition: Node; readonly yes: Node; readonly no?: Node }
    | {
        readonly kind: "reduce";
        readonly source: Node;
        readonly patterns: readonly Pattern[];
        readonly init: Node;
        readonly update: Node;
      }
    | {
        readonly kind: "foreach";
        readonly source: Node;
        readonly patterns: readonly Pattern[];
        readonly init: Node;
        readonly update: Node;
        readonly extract?: Node;
      }
    | {
        readonly kind: "bind";
        readonly source: Node;
        readonly patterns: readonly Pattern[];
        readonly body: Node;
      }
    | { readonly kind: "define"; readonly definition: Definition; readonly body: Node }
    | { readonly kind: "call"; readonly name: string; readonly args: readonly Node[] }
    | { readonly kind: "variable"; readonly name: string }
    | { readonly kind: "label"; readonly name: string; readonly body: Node }
    | { readonly kind: "break"; readonly name: string }
    | { readonly kind: "array"; readonly body?: Node }
    | { readonly kind: "object"; readonly entries: readonly ObjectEntry[] }
  );

/** The node of one kind. */
export type NodeOf<K extends Node["kind"]> = Extract<Node, { readonly kind: K }>;
