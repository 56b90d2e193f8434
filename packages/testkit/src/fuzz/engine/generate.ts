/** Definitions that run: every kind of task the engine has, in each other, with data flowing through all of it. */
import type { Json, JsonObject } from "@millrace/language";
import type { Random } from "../random.ts";
import { oddJson } from "../values.ts";

/** What may be named at a place of the definition. */
interface Scope {
  readonly variables: readonly string[];
  /** Names of the tasks of the same list. */
  readonly siblings: readonly string[];
  readonly depth: number;
}

const ERRORS = ["timeout", "communication", "runtime", "expression", "authorization"].map(
  (name) => `https://serverlessworkflow.io/spec/1.0.0/errors/${name}`,
);

export function generateRun(random: Random): JsonObject {
  const scope: Scope = { variables: [], siblings: [], depth: 0 };
  const definition = {
    document: { dsl: "1.0.3", namespace: "fuzz", name: "run", version: "1.0.0" },
    use: {
      errors: { mine: { type: "https://x.example/mine", status: 400 + random.below(3) } },
      timeouts: { brief: { after: { seconds: 1 + random.below(3) } } },
      retries: { often: retry(random, scope) },
      // Depth 9: a leaf, and none that calls the function itself.
      functions: { shared: task(random, { ...scope, depth: 9 }) },
    },
    ...maybe(random, 0.2, "timeout", () => timeout(random)),
    ...maybe(random, 0.2, "input", () => ({ from: expression(random, scope) })),
    ...maybe(random, 0.2, "output", () => ({ as: template(random, scope) })),
    do: taskList(random, scope),
  };
  const input = random.chance(0.5)
    ? { a: 1, n: 3, items: [1, "x", null], flag: true }
    : oddJson(random);
  return { definition, input, seed: random.below(2 ** 31) };
}

function maybe(
  random: Random,
  often: number,
  name: string,
  make: () => Json,
): Record<string, Json> {
  return random.chance(often) ? { [name]: make() } : {};
}

/** @param flow whether tasks may name each other as the next: a fork's branches may not */
function taskList(random: Random, scope: Scope, flow = true): Json {
  const length = 1 + random.small(scope.depth > 2 ? 1 : 4);
  const names = random.list(length, (n) => `t${n}`);
  const inside = { ...scope, siblings: flow ? names : [], depth: scope.depth + 1 };
  return names.map((name) => ({ [name]: task(random, inside) }));
}

/** Backward jumps are few: a loop without end costs all the steps that the engine allows. */
function next(random: Random, { siblings }: Scope): string {
  if (siblings.length > 0 && random.chance(0.04)) return random.pick(siblings);
  return random.pick(["continue", "exit", "end"]);
}

function task(random: Random, scope: Scope): JsonObject {
  const leaves = scope.depth >= 9 ? LEAVES.slice(0, -1) : LEAVES;
  const kinds = scope.depth > 3 ? leaves : [...leaves, ...BLOCKS, ...BLOCKS];
  return { ...random.pick(kinds)(random, scope), ...common(random, scope) };
}

function common(random: Random, scope: Scope): Record<string, Json> {
  return {
    ...maybe(random, 0.1, "if", () => expression(random, scope)),
    ...maybe(random, 0.1, "input", () => ({ from: template(random, scope) })),
    ...maybe(random, 0.15, "output", () => ({ as: template(random, scope) })),
    ...maybe(random, 0.15, "export", () => ({ as: template(random, scope) })),
    ...maybe(random, 0.1, "timeout", () => timeout(random)),
    ...maybe(random, 0.15, "then", () => next(random, scope)),
  };
}

function timeout(random: Random): Json {
  return random.chance(0.3) ? "brief" : { after: random.pick(["PT1S", "PT0.01S", "PT1H"]) };
}

type Make = (random: Random, scope: Scope) => JsonObject;

const LEAVES: readonly Make[] = [
  (random, scope) => ({
    set: random.chance(0.5)
      ? { a: template(random, scope), n: expression(random, scope) }
      : expression(random, scope),
  }),
  (random, scope) => ({
    wait: random.pick<Json>([
      { milliseconds: random.below(5_000) },
      "PT2S",
      { days: 30 },
      `\${ "PT" + (${plain(random, scope)} | tostring) + "S" }`,
    ]),
  }),
  (random) => ({
    raise: {
      error: random.chance(0.3)
        ? "mine"
        : { type: random.pick(ERRORS), status: 500, title: "raised", detail: "${ .a }" },
    },
  }),
  (random, scope) => ({
    emit: { event: { with: { type: "made.event", data: template(random, scope) } } },
  }),
  (random, scope) => ({
    call: "http",
    with: { method: "post", endpoint: "https://x.example/", body: template(random, scope) },
  }),
  (random, scope) => ({
    run: { shell: { command: "true", arguments: [expression(random, scope)] } },
  }),
  (random) => ({
    run: {
      workflow: { namespace: "fuzz", name: "child", version: "latest" },
      await: random.chance(0.7),
    },
  }),
  (random, scope) => ({
    listen: {
      to: strategy(random, scope),
      ...maybe(random, 0.5, "read", () => random.pick(["data", "envelope", "raw"])),
    },
  }),
  // The last, because a function may not call itself.
  () => ({ call: "shared" }),
];

/** `with` lets some of the events pass that the drive sends. */
function filter(random: Random, scope: Scope): JsonObject {
  return {
    with: {
      ...maybe(random, 0.6, "type", () => random.pick(["a", "b", "/^[ab]$/"])),
      ...maybe(random, 0.3, "data", () => template(random, scope)),
      source: random.pick(["/s", '${ . == "/s" }', "/s+/"]),
    },
    ...maybe(random, 0.4, "correlate", () => ({
      who: {
        from: random.pick([".subject", ".data.a", "${ .data }"]),
        ...maybe(random, 0.3, "expect", () => random.pick(["x", "${ .a }", "${ 1 }"])),
      },
    })),
  };
}

function strategy(random: Random, scope: Scope, until = true): JsonObject {
  const filters = random.list(random.below(4), () => filter(random, scope));
  const kind = random.pick(["one", "all", "any", "any"]);
  if (kind === "one") return { one: filter(random, scope) };
  if (kind === "all" || !until) return { [kind]: filters };
  return {
    any: filters,
    ...maybe(random, 0.6, "until", () =>
      random.chance(0.5) ? `\${ length > ${random.below(4)} }` : strategy(random, scope, false),
    ),
  };
}

const BLOCKS: readonly Make[] = [
  (random, scope) => {
    const names = random.chance(0.5) ? ["item", "index"] : ["event", "at"];
    const inside = { ...scope, variables: [...scope.variables, ...names] };
    return {
      listen: { to: strategy(random, scope) },
      foreach: {
        ...(names[0] === "event" ? { item: "event", at: "at" } : {}),
        ...maybe(random, 0.8, "do", () => taskList(random, inside)),
        ...maybe(random, 0.3, "output", () => ({ as: template(random, inside) })),
        ...maybe(random, 0.3, "export", () => ({ as: template(random, inside) })),
      },
    };
  },
  (random, scope) => ({ do: taskList(random, scope) }),
  (random, scope) => ({
    fork: { branches: taskList(random, scope, false), compete: random.chance(0.5) },
  }),
  (random, scope) => {
    const names = random.chance(0.5) ? ["item", "index"] : ["each", "at"];
    const inside = { ...scope, variables: [...scope.variables, ...names] };
    return {
      for: {
        in: random.pick(["${ [range(3)] }", "${ .items }", "${ [.] }", "${ [] }", "${ .n }"]),
        ...(names[0] === "each" ? { each: "each", at: "at" } : {}),
      },
      ...maybe(random, 0.2, "while", () => expression(random, inside)),
      do: taskList(random, inside),
    };
  },
  (random, scope) => ({
    switch: random.list(1 + random.below(3), (n) => ({
      [`c${n}`]: {
        ...maybe(random, n > 0 ? 1 : 0.7, "when", () => expression(random, scope)),
        // biome-ignore lint/suspicious/noThenProperty: the language's own name
        then: next(random, scope),
      },
    })),
  }),
  (random, scope) => {
    const inside = { ...scope, variables: [...scope.variables, "error"] };
    return {
      try: taskList(random, scope),
      catch: {
        ...maybe(random, 0.4, "errors", () => ({ with: { type: random.pick(ERRORS) } })),
        ...maybe(random, 0.2, "when", () => expression(random, inside)),
        ...maybe(random, 0.1, "exceptWhen", () => expression(random, inside)),
        ...maybe(random, 0.5, "retry", () => (random.chance(0.4) ? "often" : retry(random, scope))),
        ...maybe(random, 0.5, "do", () => taskList(random, inside)),
      },
    };
  },
];

function retry(random: Random, scope: Scope): JsonObject {
  return {
    ...maybe(random, 0.2, "when", () => expression(random, scope)),
    delay: { milliseconds: random.below(1_000) },
    ...maybe(random, 0.6, "backoff", () => ({
      [random.pick(["constant", "linear", "exponential"])]: {},
    })),
    ...maybe(random, 0.3, "jitter", () => ({
      from: { milliseconds: 1 },
      to: { milliseconds: 50 },
    })),
    limit: { attempt: { count: 1 + random.below(4) } },
  };
}

const PLAIN = [
  ".",
  ".a",
  ".n",
  ".items",
  ".a.b",
  "1",
  "null",
  '"text"',
  "(.n // 0) + 1",
  "[.]",
  "{a: .}",
  "{items: [1, 2], n: 2}",
  ". == null",
  "true",
  "false",
  "$context",
  "$workflow.id",
  "$task.name",
  "$runtime.name",
  "tostring",
  'error("made")',
  "1 / 0",
  "empty",
  "(1, 2)",
  ".. | numbers",
  "[range(200)]",
  "keys",
  "now | floor",
  "infinite",
  "nan",
  "[limit(3; repeat(1))]",
];

/** A jq expression, without its `${ }`. */
function plain(random: Random, { variables }: Scope): string {
  if (variables.length > 0 && random.chance(0.3)) return `$${random.pick(variables)}`;
  return random.pick(PLAIN);
}

function expression(random: Random, scope: Scope): string {
  return `\${ ${plain(random, scope)} }`;
}

function template(random: Random, scope: Scope): Json {
  if (random.chance(0.5)) return expression(random, scope);
  return { a: expression(random, scope), n: random.below(5), items: [expression(random, scope)] };
}
