/** Field access, slices and iteration (manual: Basic filters). */
import { charge } from "../budget/budget.ts";
import { fail, Raise } from "../errors.ts";
import { cannotIterate, index, slice } from "../values/access.ts";
import { isObject } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { shortText } from "../values/print.ts";
import { Code, constant, GO, IDENTITY, NOTHING, single, STOP } from "./code.ts";
import type { Emit, EmitPath, MaybePath, One, Paths, Run, Signal } from "./code.ts";
import { overPipe, overRun } from "./over.ts";
import { stepInto } from "./steps.ts";
import type { Step, Steps } from "./steps.ts";

const hasOwn = Object.hasOwn;

/** `.key` for a key known when compiling. */
function field(key: string): (value: Json) => Json {
  return (value) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      if (!hasOwn(value, key)) return null;
      const found = value[key];
      return found === undefined ? null : found;
    }
    return value === null ? null : index(value, key);
  };
}

/** `.a.b.c`: one closure for all keys. */
function fields(keys: readonly string[]): (value: Json) => Json {
  const count = keys.length;
  return (input) => {
    let value = input;
    for (let i = 0; i < count; i += 1) {
      const key = keys[i] as string;
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        // Every key of null gives null.
        if (!hasOwn(value, key)) return null;
        const found = value[key];
        value = found === undefined ? null : found;
      } else value = value === null ? null : index(value, key);
    }
    return value;
  };
}

/** The keys of a row of fields, which begins at the input. */
function keysOf(steps: Steps | undefined): readonly string[] | undefined {
  if (steps === undefined) return undefined;
  const keys = steps.flatMap((step) => (step.kind === "field" ? [step.key] : []));
  return keys.length === steps.length ? keys : undefined;
}

/** Path mode of an access: a value without a path cannot be entered. */
export function requirePath(value: Json, key: Json, path: MaybePath): void {
  if (path !== null) return;
  fail(
    `Invalid path expression near attempt to access element ${shortText(key)} of ${shortText(value)}`,
  );
}

function emitChild(value: Json, key: Json, path: MaybePath, emit: EmitPath): Signal {
  requirePath(value, key, path);
  const child = index(value, key);
  return emit(child, { key, up: path });
}

/** Runs one access; with `optional`, its own errors give no output but later errors pass. */
function guarded<T>(optional: boolean, read: () => T, then: (value: T) => Signal): Signal {
  if (!optional) return then(read());
  let value: T;
  try {
    value = read();
  } catch (error) {
    if (error instanceof Raise) return GO;
    throw error;
  }
  return then(value);
}

function accessPaths(target: Code, keyRun: Run, optional: boolean): Paths {
  return (input, path, env, emit) =>
    keyRun(input, env, (key) =>
      target.paths(input, path, env, (value, at) => {
        if (!optional) return emitChild(value, key, at, emit);
        requirePath(value, key, at);
        return guarded(
          true,
          () => index(value, key),
          (child) => emit(child, { key, up: at }),
        );
      }),
    );
}

function extended(target: Code, step: Step | undefined): Steps | undefined {
  return step === undefined || target.steps === undefined ? undefined : [...target.steps, step];
}

function readOptional(target: One, read: (value: Json) => Json): One {
  return (input, env) => {
    const value = target(input, env);
    try {
      return read(value);
    } catch (error) {
      if (error instanceof Raise) return NOTHING;
      throw error;
    }
  };
}

/** `target.key`, where the key is a constant string. */
function fieldAccess(target: Code, key: string, optional: boolean): Code {
  const read = field(key);
  const paths = accessPaths(target, constant(key).run, optional);
  const { one } = target;
  if (optional) {
    const opt = one === undefined ? undefined : readOptional(one, read);
    const run: Run = (input, env, emit) =>
      target.run(input, env, (value) => guarded(true, () => read(value), emit));
    return new Code({ opt, run, paths });
  }
  const steps = extended(target, { kind: "field", key });
  if (target === IDENTITY) return single(read, paths, undefined, steps);
  const keys = keysOf(steps);
  if (keys !== undefined) return single(fields(keys), paths, undefined, steps);
  if (one !== undefined) {
    return single((input, env) => read(one(input, env)), paths, undefined, steps);
  }
  const over = overPipe(target, single(read));
  const run: Run = (input, env, emit) => target.run(input, env, (value) => emit(read(value)));
  return new Code({ over, run: over === undefined ? run : overRun(over), paths, steps });
}

/** `target[key]`; the key is evaluated on the input of the whole term, before the target. */
export function indexAccess(target: Code, key: Code, optional: boolean, fixed?: Json): Code {
  if (typeof fixed === "string") return fieldAccess(target, fixed, optional);
  const paths = accessPaths(target, key.run, optional);
  const base = target.one;
  const keyOne = key.one;
  if (base !== undefined && keyOne !== undefined && !optional) {
    const one: One = (input, env) => {
      const at = keyOne(input, env);
      return index(base(input, env), at);
    };
    return single(one, paths, undefined, extended(target, stepInto(fixed)));
  }
  const run: Run = (input, env, emit) =>
    key.run(input, env, (at) =>
      target.run(input, env, (value) => guarded(optional, () => index(value, at), emit)),
    );
  return new Code({ run, paths });
}

const NULL = constant(null);

/** `target[from:to]`; in path mode the key is an object, as in jq. */
export function sliceAccess(target: Code, from = NULL, to = NULL, optional = false): Code {
  const keyRun: Run = (input, env, emit) =>
    from.run(input, env, (start) => to.run(input, env, (end) => emit({ start, end })));
  const paths = accessPaths(target, keyRun, optional);
  const base = target.one;
  const fromOne = from.one;
  const toOne = to.one;
  if (base !== undefined && fromOne !== undefined && toOne !== undefined && !optional) {
    return single((input, env) => {
      const start = fromOne(input, env);
      const end = toOne(input, env);
      return slice(base(input, env), start, end);
    }, paths);
  }
  const run: Run = (input, env, emit) =>
    from.run(input, env, (start) =>
      to.run(input, env, (end) =>
        target.run(input, env, (value) => guarded(optional, () => slice(value, start, end), emit)),
      ),
    );
  return new Code({ run, paths });
}

/** The children of a container, in order. */
export function each(value: Json, emit: Emit, optional: boolean): Signal {
  if (Array.isArray(value)) {
    for (const item of value) {
      charge(1);
      if (emit(item) === STOP) return STOP;
    }
    return GO;
  }
  if (!isObject(value)) return optional ? GO : cannotIterate(value);
  for (const key of Object.keys(value)) {
    charge(1);
    if (emit(value[key] as Json) === STOP) return STOP;
  }
  return GO;
}

export function eachPath(value: Json, path: MaybePath, emit: EmitPath, optional: boolean): Signal {
  if (path === null) {
    return fail(`Invalid path expression near attempt to iterate through ${shortText(value)}`);
  }
  if (Array.isArray(value)) {
    for (let key = 0; key < value.length; key += 1) {
      charge(1);
      if (emit(value[key] as Json, { key, up: path }) === STOP) return STOP;
    }
    return GO;
  }
  if (isObject(value)) {
    for (const key of Object.keys(value)) {
      charge(1);
      if (emit(value[key] as Json, { key, up: path }) === STOP) return STOP;
    }
    return GO;
  }
  return optional ? GO : cannotIterate(value);
}

/** `target[]` */
export function iterate(target: Code, optional: boolean): Code {
  const { one } = target;
  const run: Run =
    one === undefined
      ? (input, env, emit) => target.run(input, env, (value) => each(value, emit, optional))
      : (input, env, emit) => each(one(input, env), emit, optional);
  return new Code({
    run,
    over: one === undefined || optional ? undefined : { from: one, each: undefined, fresh: false },
    steps: optional ? undefined : extended(target, { kind: "each" }),
    paths: (input, path, env, emit) =>
      target.paths(input, path, env, (value, at) => eachPath(value, at, emit, optional)),
  });
}
