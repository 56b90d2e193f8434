/**
 * Paths that are a fixed row of steps, such as `.items[].price` or `.a | select(.b).c`.
 *
 * No such path leads to a place twice, or into another, so an assignment can walk down and rebuild
 * on the way up, without spelling out any path. Everything else goes through path mode.
 */
import { charge, chargeItem } from "../budget/budget.ts";
import { cannotIterate, index } from "../values/access.ts";
import { isObject, isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { copyObject, getKey, putKey } from "../values/objects.ts";
import { setItem } from "../values/update.ts";
import type { Env, One } from "./code.ts";

export type Step =
  | { readonly kind: "field"; readonly key: string }
  /** An array position, counted from the start. */
  | { readonly kind: "item"; readonly at: number }
  | { readonly kind: "each" }
  | { readonly kind: "select"; readonly test: One };

export type Steps = readonly Step[];

/** No path leads anywhere here, so nothing changes. */
export const UNTOUCHED: Json = { untouched: true };
/** A path is to be deleted, which is left to path mode. */
export const DROPPED: Json = { dropped: true };

/** The new value for an old one, or DROPPED. */
export type Change = (old: Json) => Json;

/** The step into a key known when compiling, if it is one. */
export function stepInto(key: Json | undefined): Step | undefined {
  if (typeof key === "string") return { kind: "field", key };
  if (typeof key !== "number" || !Number.isInteger(key) || key < 0) return undefined;
  return { kind: "item", at: key };
}

function isLeftAlone(value: Json): boolean {
  return value === UNTOUCHED || value === DROPPED;
}

/**
 * One walk down the steps, changing what they lead to. Only what is put at the end of a path can
 * make the text longer; the copies on the way hold what was there.
 */
export class Walk {
  private readonly steps: Steps;
  private readonly env: Env;
  private readonly change: Change;

  constructor(steps: Steps, env: Env, change: Change) {
    this.steps = steps;
    this.env = env;
    this.change = change;
  }

  /** What becomes of a value that the first `n` steps led to: a new one, UNTOUCHED or DROPPED. */
  go(value: Json, n = 0): Json {
    const step = this.steps[n];
    if (step === undefined) {
      const changed = this.change(value);
      chargeItem(changed);
      return changed;
    }
    switch (step.kind) {
      case "field":
        return this.field(value, step.key, n);
      case "item":
        return this.item(value, step.at, n);
      case "each":
        return Array.isArray(value) ? this.items(value, n) : this.entries(value, n);
      case "select":
        return isTrue(step.test(value, this.env)) ? this.go(value, n + 1) : UNTOUCHED;
      default:
        return step;
    }
  }

  private field(value: Json, key: string, n: number): Json {
    if (!isObject(value)) {
      // Reading raises jq's error unless this is null, which becomes an object.
      const made = this.go(index(value, key), n + 1);
      if (isLeftAlone(made)) return made;
      charge(1);
      const object = {};
      putKey(object, key, made);
      return object;
    }
    const changed = this.go(getKey(value, key), n + 1);
    if (isLeftAlone(changed)) return changed;
    charge((Object.keys(value).length >> 2) + 1);
    const copy = copyObject(value);
    putKey(copy, key, changed);
    return copy;
  }

  private item(value: Json, at: number, n: number): Json {
    const changed = this.go(index(value, at), n + 1);
    return isLeftAlone(changed) ? changed : setItem(value, at, changed);
  }

  private items(value: Json[], n: number): Json {
    let copy: Json[] | undefined;
    for (let i = 0; i < value.length; i += 1) {
      charge(1);
      const changed = this.go(value[i] as Json, n + 1);
      if (changed === UNTOUCHED) continue;
      if (changed === DROPPED) return DROPPED;
      copy ??= value.slice();
      copy[i] = changed;
    }
    return copy ?? UNTOUCHED;
  }

  private entries(value: Json, n: number): Json {
    if (!isObject(value)) return cannotIterate(value);
    const copy = copyObject(value);
    let touched = false;
    for (const key of Object.keys(value)) {
      charge(1);
      const changed = this.go(value[key] as Json, n + 1);
      if (changed === UNTOUCHED) continue;
      if (changed === DROPPED) return DROPPED;
      putKey(copy, key, changed);
      touched = true;
    }
    return touched ? copy : UNTOUCHED;
  }
}
