/** The grammar's rules that bind names: variables, functions, labels, patterns. */
import type { Kind } from "./documents.ts";
import { KEYS, KINDS } from "./documents.ts";
import type { Generator, Scope } from "./generate.ts";
import type { Want } from "./templates.ts";
import { hole, loose, term, tight } from "./tree.ts";
import type { Tree } from "./tree.ts";

export interface Form {
  readonly weight: number;
  /** What it gives is made of what its parts give, so it can stand in a path. */
  readonly givesPaths: boolean;
  readonly make: (generator: Generator, want: Want, scope: Scope) => Tree;
}

function withVariables(scope: Scope, names: readonly string[], kind: Kind): Scope {
  return { ...scope, variables: [...scope.variables, ...names.map((name) => ({ name, kind }))] };
}

/** `source as $x | body` */
function bind(generator: Generator, want: Want, scope: Scope): Tree {
  const kind = generator.random.pick(KINDS);
  const name = generator.name();
  const source = generator.make(kind, scope);
  const body = generator.make(want, withVariables(scope, [name], kind));
  return loose(tight(source), ` as $${name} | `, hole(body));
}

/** A pattern that takes a value apart; takes the variables it binds from the list, each once. */
function pattern(generator: Generator, depth: number, names: string[]): string {
  const { random } = generator;
  const variable = (): string => `$${names.pop() ?? generator.name()}`;
  const part = (): string =>
    depth <= 0 || random.chance(0.6) ? variable() : pattern(generator, depth - 1, names);
  if (random.chance(0.5))
    return `[${Array.from({ length: 1 + random.below(3) }, part).join(", ")}]`;
  const entry = (): string => {
    const key = random.pick(KEYS);
    const style = random.below(4);
    if (style === 0) return variable();
    return `${[key, `"${key}"`, '("a", "b")'][style - 1] ?? key}: ${part()}`;
  };
  return `{${Array.from({ length: 1 + random.below(2) }, entry).join(", ")}}`;
}

/** `source as [$x, {a: $y}] ?// $x | body` */
function takeApart(generator: Generator, want: Want, scope: Scope): Tree {
  const { random } = generator;
  const names = [generator.name(), generator.name()];
  const patterns = [pattern(generator, 1, [...names])];
  while (random.chance(0.3)) {
    patterns.push(random.chance(0.5) ? `$${names[0]}` : pattern(generator, 1, [...names]));
  }
  // Each variable of the body must be bound: the ones no pattern names are bound first.
  const source = generator.make(random.pick(["arr", "obj", "any"]), scope);
  const text = patterns.join(" ?// ");
  const missing = names.filter((name) => !text.includes(`$${name}`));
  const body = generator.make(want, withVariables(scope, names, "any"));
  const bound = missing.map((name) => `null as $${name} | `).join("");
  return loose(bound, tight(source), ` as ${text} | `, hole(body));
}

/** A loop has one start: given several, jq computes its source anew from null. */
function reduce(generator: Generator, _want: Want, scope: Scope): Tree {
  const { random } = generator;
  const name = generator.name();
  const kind = random.pick(KINDS);
  const inner = withVariables(scope, [name], "any");
  const source = generator.make("any", scope);
  const start = generator.make(kind, scope);
  const update = generator.make(kind, { ...inner, input: kind });
  return term(
    "reduce ",
    tight(source),
    ` as $${name} (first(`,
    hole(start),
    "); ",
    hole(update),
    ")",
  );
}

function foreach(generator: Generator, want: Want, scope: Scope): Tree {
  const { random } = generator;
  const name = generator.name();
  const kind = random.pick(KINDS);
  const inner = { ...withVariables(scope, [name], "any"), input: kind };
  const parts = ["foreach ", tight(generator.make("any", scope)), ` as $${name} (first(`];
  const loop = [hole(generator.make(kind, scope)), "); ", hole(generator.make(kind, inner))];
  const extract =
    random.chance(0.5) && want !== "path" ? ["; ", hole(generator.make(want, inner))] : [];
  return term(...parts, ...loop, ...extract, ")");
}

/** `def f(g; $x): body; rest`, called in the rest. */
function define(generator: Generator, want: Want, scope: Scope): Tree {
  const { random } = generator;
  const name = `f${generator.name()}`;
  const parameters = Array.from({ length: random.below(3) }, () => ({
    name: generator.name(),
    isVariable: random.chance(0.4),
  }));
  const head = parameters
    .map(({ name, isVariable }) => (isVariable ? `$${name}` : name))
    .join("; ");
  const variables = parameters.filter(({ isVariable }) => isVariable).map(({ name }) => name);
  const known = parameters.map((one) => ({ name: one.name, parameters: 0 }));
  const bodyScope = withVariables(
    { ...scope, functions: [...scope.functions, ...known] },
    variables,
    "any",
  );
  const body = generator.make(want, bodyScope);
  const own = { name, parameters: parameters.length };
  const rest = generator.make(want, { ...scope, functions: [...scope.functions, own] });
  const signature = head === "" ? name : `${name}(${head})`;
  const call = callOf(generator, want, scope, own);
  const both = random.chance(0.5) ? loose(hole(call), " | ", hole(rest)) : rest;
  return loose(`def ${signature}: `, hole(body), "; ", hole(want === "path" ? call : both));
}

function callOf(
  generator: Generator,
  want: Want,
  scope: Scope,
  called: { readonly name: string; readonly parameters: number },
): Tree {
  if (called.parameters === 0) return term(called.name);
  const parts = Array.from({ length: called.parameters }, (_, at) => [
    at === 0 ? "(" : "; ",
    hole(generator.make(want, scope)),
  ]).flat();
  return term(called.name, ...parts, ")");
}

function call(generator: Generator, want: Want, scope: Scope): Tree {
  const { functions } = scope;
  if (functions.length === 0) return define(generator, want, scope);
  return callOf(generator, want, scope, generator.random.pick(functions));
}

/** `label $x | body`, with a break somewhere in the body. */
function label(generator: Generator, want: Want, scope: Scope): Tree {
  const name = generator.name();
  const inner = { ...scope, labels: [...scope.labels, name] };
  return loose(
    `label $${name} | `,
    hole(generator.make(want, inner)),
    ", ",
    tight(breakFrom(generator, want, inner)),
  );
}

function breakFrom(generator: Generator, want: Want, scope: Scope): Tree {
  const { labels } = scope;
  if (labels.length === 0) return label(generator, want, scope);
  const target = generator.random.pick(labels);
  return loose(
    tight(generator.make(want, scope)),
    `, break $${target}, `,
    tight(generator.make(want, scope)),
  );
}

const OPERATORS = ["+", "-", "*", "/", "%", "//", "and", "or", ",", "|", "==", "<"] as const;

/** Operators side by side without parentheses: what binds tighter shows. */
function chain(generator: Generator, want: Want, scope: Scope): Tree {
  const { random } = generator;
  const operators: readonly string[] = want === "path" ? ["//", ",", "|"] : OPERATORS;
  const parts = [tight(generator.make(want, scope))] as (string | ReturnType<typeof tight>)[];
  let compared = false;
  for (let n = 1 + random.below(3); n > 0; n -= 1) {
    const operator = random.pick(
      operators.filter((one) => !compared || (one !== "==" && one !== "<")),
    );
    compared ||= operator === "==" || operator === "<";
    parts.push(
      operator === "," ? ", " : ` ${operator} `,
      tight(generator.make(want, { ...scope, input: operator === "|" ? "any" : scope.input })),
    );
  }
  return loose(...parts);
}

/** `e?`, `e[0]`, `e.a`, `e | .[] as ...`: suffixes of any term. */
function suffix(generator: Generator, want: Want, scope: Scope): Tree {
  const { random } = generator;
  const base = tight(generator.make(want, scope));
  const suffixes = [
    "?",
    ".a?",
    "[0]?",
    "[]?",
    "[:2]?",
    ".b",
    "[-1]?",
    '.["a"]?',
    "??",
    ".a.b?",
    ".a[]?",
  ];
  const picked = random.pick(suffixes);
  return term(base, picked);
}

export const FORMS: readonly Form[] = [
  { weight: 4, givesPaths: true, make: bind },
  { weight: 3, givesPaths: true, make: takeApart },
  { weight: 2, givesPaths: false, make: reduce },
  { weight: 2, givesPaths: false, make: foreach },
  { weight: 3, givesPaths: true, make: define },
  { weight: 3, givesPaths: true, make: call },
  { weight: 1, givesPaths: true, make: label },
  { weight: 1, givesPaths: true, make: breakFrom },
  { weight: 3, givesPaths: true, make: chain },
  { weight: 3, givesPaths: true, make: suffix },
];
