/** Compiles destructuring patterns: which variables they bind, and how. */
import type { Node, ObjectPatternEntry, Pattern } from "../parse/ast.ts";
import { binder } from "./bindings.ts";
import type { Binder, Matcher, MatcherEntry } from "./bindings.ts";
import { constant } from "./code.ts";
import type { Code } from "./code.ts";
import { withCell } from "./scope.ts";
import type { Scope } from "./scope.ts";

export interface BoundPatterns {
  readonly to: Binder;
  /** The scope in which the variables are visible. */
  readonly inner: Scope;
}

function entryMatcher(
  entry: ObjectPatternEntry,
  names: Map<string, number>,
  compile: (node: Node) => Code,
): MatcherEntry {
  const slot = entry.variable === undefined ? -1 : slotOf(entry.variable, names);
  const key = entry.key === undefined ? constant(entry.variable as string) : compile(entry.key);
  const inner = entry.pattern === undefined ? undefined : matcherOf(entry.pattern, names, compile);
  return { slot, key, inner };
}

function slotOf(name: string, names: Map<string, number>): number {
  const known = names.get(name);
  if (known !== undefined) return known;
  names.set(name, names.size);
  return names.size - 1;
}

function matcherOf(
  pattern: Pattern,
  names: Map<string, number>,
  compile: (node: Node) => Code,
): Matcher {
  switch (pattern.kind) {
    case "variable":
      return { kind: "variable", slot: slotOf(pattern.name, names) };
    case "array":
      return { kind: "array", items: pattern.items.map((item) => matcherOf(item, names, compile)) };
    case "object":
      return {
        kind: "object",
        entries: pattern.entries.map((entry) => entryMatcher(entry, names, compile)),
      };
    default:
      return pattern;
  }
}

/** All alternatives bind the same variables; those an alternative lacks are null in it. */
export function compilePatterns(
  patterns: readonly Pattern[],
  scope: Scope | null,
  compile: (node: Node) => Code,
): BoundPatterns {
  const names = new Map<string, number>();
  const matchers = patterns.map((pattern) => matcherOf(pattern, names, compile));
  let inner = scope;
  for (const name of names.keys()) inner = withCell(inner, "variable", name);
  return { to: binder(matchers, names.size), inner: inner as Scope };
}
