/** Variables and destructuring (manual: Variable / Symbolic Binding Operator). */
import { callDepth, restoreDepth } from "../budget/budget.ts";
import { BreakOut, fail, Raise } from "../errors.ts";
import { index } from "../values/access.ts";
import type { Json } from "../values/json.ts";
import { describe } from "../values/print.ts";
import { Code, GO, NOTHING, single, STOP, withValue } from "./code.ts";
import type { Env, One, Signal } from "./code.ts";

/**
 * A pattern whose variables are places in a list shared by all alternatives; -1 is the place of a variable that the pattern
 * has bound before.
 */
export type Matcher =
  | { readonly kind: "variable"; readonly slot: number }
  | { readonly kind: "array"; readonly items: readonly Matcher[] }
  | { readonly kind: "object"; readonly entries: readonly MatcherEntry[] };

export interface MatcherEntry {
  /** Place of the variable that takes the whole entry, or -1. */
  readonly slot: number;
  readonly key: Code;
  readonly inner: Matcher | undefined;
}

/** Binds a value and runs what follows, once per way the pattern matches. */
export interface Binder {
  readonly bind: (value: Json, env: Env, then: (env: Env) => Signal) => Signal;
  /** Set when the pattern is a plain variable. */
  readonly plain: boolean;
}

type Slots = Json[];

/** Like jq from the last item to the first, which shows when items give several matches or fail. */
function matchArray(
  items: readonly Matcher[],
  at: number,
  value: Json,
  env: Env,
  slots: Slots,
  then: () => Signal,
): Signal {
  const item = items[at];
  if (item === undefined) return then();
  return match(item, index(value, at), env, slots, () =>
    matchArray(items, at - 1, value, env, slots, then),
  );
}

function matchObject(
  entries: readonly MatcherEntry[],
  at: number,
  value: Json,
  env: Env,
  slots: Slots,
  then: () => Signal,
): Signal {
  const entry = entries[at];
  if (entry === undefined) return then();
  return entry.key.run(value, env, (key) => {
    if (typeof key !== "string") fail(`Cannot index ${describe(value)} with ${describe(key)}`);
    const child = index(value, key);
    if (entry.slot >= 0) slots[entry.slot] = child;
    const next = () => matchObject(entries, at + 1, value, env, slots, then);
    return entry.inner === undefined ? next() : match(entry.inner, child, env, slots, next);
  });
}

function match(matcher: Matcher, value: Json, env: Env, slots: Slots, then: () => Signal): Signal {
  switch (matcher.kind) {
    case "variable":
      if (matcher.slot >= 0) slots[matcher.slot] = value;
      return then();
    case "array":
      return matchArray(matcher.items, matcher.items.length - 1, value, env, slots, then);
    case "object":
      return matchObject(matcher.entries, 0, value, env, slots, then);
    default:
      return matcher;
  }
}

function push(slots: Slots, env: Env): Env {
  let to = env;
  for (const value of slots) to = withValue(value, to);
  return to;
}

function attempt(
  matcher: Matcher,
  count: number,
  value: Json,
  env: Env,
  then: (env: Env) => Signal,
): Signal {
  const slots: Slots = Array.from({ length: count }, () => null);
  return match(matcher, value, env, slots, () => then(push(slots, env)));
}

/** `?//`: an error in a pattern, or in anything after it, moves on to the next alternative. */
export function binder(matchers: readonly Matcher[], count: number): Binder {
  const [first] = matchers;
  if (matchers.length === 1 && first?.kind === "variable") {
    return { bind: (value, env, then) => then(withValue(value, env)), plain: true };
  }
  const last = matchers[matchers.length - 1] as Matcher;
  const before = matchers.slice(0, -1);
  return {
    plain: false,
    bind: (value, env, then) => {
      const depth = callDepth();
      for (const matcher of before) {
        try {
          return attempt(matcher, count, value, env, then);
        } catch (error) {
          if (!(error instanceof Raise) && !(error instanceof BreakOut)) throw error;
          restoreDepth(depth);
        }
      }
      return attempt(last, count, value, env, then);
    },
  };
}

/** `source as patterns | body` */
export function bind(source: Code, to: Binder, body: Code): Code {
  const from = source.one;
  const paths = new Code({
    run: () => GO,
    paths: (input, path, env, emit) =>
      source.run(input, env, (value) =>
        to.bind(value, env, (inner) => body.paths(input, path, inner, emit)),
      ),
  }).paths;
  if (to.plain && from !== undefined) {
    const { one } = body;
    if (one !== undefined) {
      const tail = body.tailOne as One;
      return single(
        (input, env) => one(input, withValue(from(input, env), env)),
        paths,
        (input, env) => tail(input, withValue(from(input, env), env)),
      );
    }
    const { opt } = body;
    return new Code({
      opt:
        opt === undefined
          ? undefined
          : (input, env) => opt(input, withValue(from(input, env), env)),
      run: (input, env, emit) => body.run(input, withValue(from(input, env), env), emit),
      tailRun: (input, env, emit) => body.tailRun(input, withValue(from(input, env), env), emit),
      paths,
    });
  }
  return new Code({
    run: (input, env, emit) =>
      source.run(input, env, (value) =>
        to.bind(value, env, (inner) => body.run(input, inner, emit)),
      ),
    paths,
  });
}

/** The last output of an update, or null when it gives none; STOP when it breaks out. */
export function lastOutput(code: Code, input: Json, env: Env, keep: (value: Json) => void): Signal {
  if (code.opt !== undefined) {
    const value = code.opt(input, env);
    keep(value === NOTHING ? null : value);
    return GO;
  }
  let last: Json = null;
  const signal = code.run(input, env, (value) => {
    last = value;
    return GO;
  });
  if (signal === STOP) return STOP;
  keep(last);
  return GO;
}
