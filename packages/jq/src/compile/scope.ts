/** Names visible at a point of a program, resolved to distances in the environment. */
import type { Callee } from "./calls.ts";

export type Entry =
  | { readonly kind: "variable"; readonly name: string; readonly cells: number }
  | { readonly kind: "label"; readonly name: string; readonly cells: number }
  | { readonly kind: "filter"; readonly name: string; readonly cells: number }
  | {
      readonly kind: "function";
      readonly name: string;
      readonly values: readonly boolean[];
      readonly callee: Callee;
      readonly cells: number;
    };

/** `cells` counts the environment cells that exist once the entry is visible. */
export interface Scope {
  readonly entry: Entry;
  readonly up: Scope | null;
}

export function cellsOf(scope: Scope | null): number {
  return scope === null ? 0 : scope.entry.cells;
}

/** Adds something that takes an environment cell of its own. */
export function withCell(
  scope: Scope | null,
  kind: "variable" | "label" | "filter",
  name: string,
): Scope {
  return { entry: { kind, name, cells: cellsOf(scope) + 1 }, up: scope };
}

export function withFunction(
  scope: Scope | null,
  name: string,
  values: readonly boolean[],
  callee: Callee,
): Scope {
  return { entry: { kind: "function", name, values, callee, cells: cellsOf(scope) }, up: scope };
}

/** The nearest variable or label of a name. */
export function find(
  scope: Scope | null,
  kind: "variable" | "label",
  name: string,
): Entry | undefined {
  for (let at = scope; at !== null; at = at.up) {
    if (at.entry.kind === kind && at.entry.name === name) return at.entry;
  }
  return undefined;
}

/** The nearest thing a call of this name and arity can mean. */
export function findCallable(
  scope: Scope | null,
  name: string,
  arity: number,
): Exclude<Entry, { kind: "variable" | "label" }> | undefined {
  for (let at = scope; at !== null; at = at.up) {
    const { entry } = at;
    if (entry.name !== name || entry.kind === "variable" || entry.kind === "label") continue;
    if ((entry.kind === "function" ? entry.values.length : 0) === arity) return entry;
  }
  return undefined;
}
