/**
 * `recurse` and its kin. jq relies on tail calls here; the loops below keep their own stack so that
 * long chains and deep values do not use JavaScript's.
 */
import { charge, chargeBuilt, enterCall, leaveCall } from "../budget/budget.ts";
import { Code, GO, STOP } from "../compile/code.ts";
import type { Emit, EmitPath, Env, MaybePath, Signal } from "../compile/code.ts";
import { mustGo } from "../compile/breaks.ts";
import { isObject } from "../values/json.ts";
import type { Json } from "../values/json.ts";

interface Place {
  readonly value: Json;
  readonly path: MaybePath;
}

/** Pushes the children of a container so that the first is popped first. */
function pushChildren(value: Json, stack: Json[]): void {
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i -= 1) stack.push(value[i] as Json);
    charge(value.length);
  } else if (isObject(value)) {
    const keys = Object.keys(value);
    for (let i = keys.length - 1; i >= 0; i -= 1) stack.push(value[keys[i] as string] as Json);
    charge(keys.length);
  }
}

function pushPlaces({ value, path }: Place, stack: Place[]): void {
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i -= 1) {
      stack.push({ value: value[i] as Json, path: { key: i, up: path } });
    }
    charge(value.length);
  } else if (isObject(value)) {
    for (const key of Object.keys(value).reverse()) {
      stack.push({ value: value[key] as Json, path: { key, up: path } });
      charge(1);
    }
  }
}

/** `recurse`, also written `..` */
export const recurseAll: Code = new Code({
  run: (input, _env, emit) => {
    const stack: Json[] = [input];
    while (stack.length > 0) {
      const value = stack.pop() as Json;
      charge(1);
      if (emit(value) === STOP) return STOP;
      if (typeof value === "object") pushChildren(value, stack);
    }
    return GO;
  },
  paths: (input, path, _env, emit) => {
    const stack: Place[] = [{ value: input, path }];
    while (stack.length > 0) {
      const place = stack.pop() as Place;
      charge(1);
      if (emit(place.value, place.path) === STOP) return STOP;
      pushPlaces(place, stack);
    }
    return GO;
  },
});

/** Nesting up to which outputs are followed as they come; deeper ones are collected first. */
const LAZY_DEPTH = 64;

function collectChildren(next: Code, value: Json, env: Env): Json[] {
  const children: Json[] = [];
  mustGo(
    next.run(value, env, (child) => {
      chargeBuilt(1);
      children.push(child);
      return GO;
    }),
  );
  return children.reverse();
}

function follow(next: Code, start: Json, env: Env, depth: number, emit: Emit): Signal {
  if (depth < LAZY_DEPTH) {
    charge(1);
    if (emit(start) === STOP) return STOP;
    return next.run(start, env, (child) => follow(next, child, env, depth + 1, emit));
  }
  const stack: Json[] = [start];
  while (stack.length > 0) {
    const value = stack.pop() as Json;
    charge(1);
    if (emit(value) === STOP) return STOP;
    for (const child of collectChildren(next, value, env)) stack.push(child);
  }
  return GO;
}

function followPaths(next: Code, place: Place, env: Env, emit: EmitPath): Signal {
  enterCall();
  if (emit(place.value, place.path) === STOP) return STOP;
  const signal = next.paths(place.value, place.path, env, (value, path) =>
    followPaths(next, { value, path }, env, emit),
  );
  leaveCall();
  return signal;
}

/** `recurse(next)` */
export function recurse(next: Code): Code {
  const { one } = next;
  return new Code({
    run:
      one === undefined
        ? (input, env, emit) => follow(next, input, env, 0, emit)
        : (input, env, emit) => {
            for (let value = input; ; value = one(value, env)) {
              charge(1);
              if (emit(value) === STOP) return STOP;
            }
          },
    paths: (input, path, env, emit) => followPaths(next, { value: input, path }, env, emit),
  });
}
