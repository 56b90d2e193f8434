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

/** Places of the variables, and those the alternative at hand has used. */
interface Places {
  readonly all: Map<string, number>;
  readonly used: Set<string>;
}

function entryMatcher(
  entry: ObjectPatternEntry,
  names: Places,
  compile: (node: Node) => Code,
): MatcherEntry {
  const slot = entry.variable === undefined ? -1 : slotOf(entry.variable, names);
  const key = entry.key === undefined ? constant(entry.variable as string) : compile(entry.key);
  const inner = entry.pattern === undefined ? undefined : matcherOf(entry.pattern, names, compile);
  return { slot, key, inner };
}

/** A variable bound twice has the value bound first, so patterns are gone through in the order they are matched. */
function slotOf(name: string, { all, used }: Places): number {
  if (used.has(name)) return -1;
  used.add(name);
  const known = all.get(name);
  if (known !== undefined) return known;
  all.set(name, all.size);
  return all.size - 1;
}

/** As `map`, but beginning with the last item. */
function fromEnd<A, B>(items: readonly A[], change: (item: A) => B): B[] {
  return items.toReversed().map(change).reverse();
}

function matcherOf(pattern: Pattern, names: Places, compile: (node: Node) => Code): Matcher {
  switch (pattern.kind) {
    case "variable":
      return { kind: "variable", slot: slotOf(pattern.name, names) };
    case "array":
      return {
        kind: "array",
        items: fromEnd(pattern.items, (item) => matcherOf(item, names, compile)),
      };
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
  const matchers = patterns.map((pattern) =>
    matcherOf(pattern, { all: names, used: new Set() }, compile),
  );
  let inner = scope;
  for (const name of names.keys()) inner = withCell(inner, "variable", name);
  return { to: binder(matchers, names.size), inner: inner as Scope };
}
