/** Assignment operators and the path filters they rest on (manual: Assignment). */
import { charge } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import { getPath } from "../values/access.ts";
import { isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { shortText } from "../values/print.ts";
import { deletePaths, Spine } from "../values/update.ts";
import { mustGo } from "./breaks.ts";
import { Code, GO, NOTHING, ROOT, single, STOP } from "./code.ts";
import type { Env, Path, Signal } from "./code.ts";
import { DROPPED, UNTOUCHED, Walk } from "./steps.ts";

/** The keys of a path, first key first. */
export function keysOfPath(path: Path): Json[] {
  const keys: Json[] = [];
  for (let at: Path | null = path; at !== null && at !== ROOT; at = at.up) keys.push(at.key);
  charge(keys.length);
  return keys.reverse();
}

/** Every path a filter leads to; raises jq's error for an output that has none. */
export function eachPathOf(
  code: Code,
  input: Json,
  env: Env,
  visit: (keys: Json[], value: Json) => Signal,
): Signal {
  return code.paths(input, ROOT, env, (value, path) => {
    if (path === null) return fail(`Invalid path expression with result ${shortText(value)}`);
    charge(1);
    return visit(keysOfPath(path), value);
  });
}

/** The first output of a filter, or undefined. */
export function firstOutput(code: Code, input: Json, env: Env): Json | undefined {
  const { opt } = code;
  if (opt !== undefined) {
    const value = opt(input, env);
    return value === NOTHING ? undefined : value;
  }
  let found: Json | undefined;
  const signal = code.run(input, env, (value) => {
    found = value;
    return STOP;
  });
  if (found === undefined) mustGo(signal);
  return found;
}

/** Replaces the value at each path by what `change` makes of it; undefined deletes it. */
function update(
  target: Code,
  input: Json,
  env: Env,
  change: (old: Json) => Json | undefined,
): Json {
  const { steps } = target;
  if (steps !== undefined) {
    const changed = new Walk(steps, env, (old) => {
      const value = change(old);
      return value === undefined ? DROPPED : value;
    }).go(input);
    if (changed === UNTOUCHED) return input;
    if (changed !== DROPPED) return changed;
  }
  return updatePaths(target, input, env, change);
}

function updatePaths(
  target: Code,
  input: Json,
  env: Env,
  change: (old: Json) => Json | undefined,
): Json {
  const spine = new Spine(input);
  const doomed: Json[] = [];
  mustGo(
    eachPathOf(target, input, env, (keys) => {
      const value = change(getPath(spine.root, keys));
      if (value === undefined) doomed.push(keys);
      else spine.set(keys, value);
      return GO;
    }),
  );
  return doomed.length === 0 ? spine.root : deletePaths(spine.root, doomed);
}

/** `target |= filter`: the first output of the filter counts; none deletes the path. */
export function modify(target: Code, filter: Code): Code {
  return single((input, env) => update(target, input, env, (old) => firstOutput(filter, old, env)));
}

/** Operators whose right side is evaluated once on `.`, giving one result per output. */
function perValue(target: Code, value: Code, change: (old: Json, value: Json) => Json): Code {
  const apply = (input: Json, env: Env, given: Json): Json =>
    update(target, input, env, (old) => change(old, given));
  const { one } = value;
  if (one !== undefined) return single((input, env) => apply(input, env, one(input, env)));
  return new Code({
    run: (input, env, emit) => value.run(input, env, (given) => emit(apply(input, env, given))),
  });
}

/** `target += value` and its kin. */
export function arithmeticUpdate(
  target: Code,
  value: Code,
  operate: (old: Json, value: Json) => Json,
): Code {
  return perValue(target, value, operate);
}

/** `target //= value` */
export function alternativeUpdate(target: Code, value: Code): Code {
  return perValue(target, value, (old, given) => (isTrue(old) ? old : given));
}

/** `target = value` */
export function assign(target: Code, value: Code): Code {
  const { steps } = target;
  const apply = (input: Json, env: Env, given: Json): Json => {
    if (steps !== undefined) {
      const changed = new Walk(steps, env, () => given).go(input);
      return changed === UNTOUCHED ? input : changed;
    }
    const spine = new Spine(input);
    mustGo(
      eachPathOf(target, input, env, (keys) => {
        spine.set(keys, given);
        return GO;
      }),
    );
    return spine.root;
  };
  const { one } = value;
  if (one !== undefined) return single((input, env) => apply(input, env, one(input, env)));
  return new Code({
    run: (input, env, emit) => value.run(input, env, (given) => emit(apply(input, env, given))),
  });
}
