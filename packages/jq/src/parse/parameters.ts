/** Value parameters that are also called. */
import type { Definition, Node } from "./ast.ts";

/** Whether a tree calls one of these names without arguments; a loop, because trees may be deep. */
function calls(tree: Node, names: ReadonlySet<string>): boolean {
  const stack: unknown[] = [tree];
  while (stack.length > 0) {
    const part = stack.pop();
    if (typeof part !== "object" || part === null) continue;
    const { kind, name, args } = part as { kind?: unknown; name?: unknown; args?: unknown };
    const isCall = kind === "call" && Array.isArray(args) && args.length === 0;
    if (isCall && names.has(name as string)) return true;
    for (const inner of Object.values(part)) stack.push(inner);
  }
  return false;
}

/**
 * `def f($a): body` stands for `def f(a): a as $a | body`: in the body `a` is what the caller passed, run anew. Only where
 * the body makes use of that is it written out; a value that is computed once is cheaper.
 */
export function plainParameters(definition: Definition): Definition {
  const { parameters, body, at } = definition;
  const names = parameters.filter(({ isValue }) => isValue).map(({ name }) => name);
  if (names.length === 0 || !calls(body, new Set(names))) return definition;
  const bound = names.reduceRight<Node>(
    (inner, name) => ({
      kind: "bind",
      source: { kind: "call", name, args: [], at },
      patterns: [{ kind: "variable", name, at }],
      body: inner,
      at,
    }),
    body,
  );
  return {
    ...definition,
    parameters: parameters.map(({ name }) => ({ name, isValue: false })),
    body: bound,
  };
}
