/**
 * Changing inside values: `setpath` and `delpaths`. Everything is copied on the way down; callers
 * that set many paths in a row hand over a Spine so that containers copied once are reused.
 */
import { charge, chargeBuilt, chargeCopy, exceeded, limits, number } from "../budget/budget.ts";
import { fail, failTooLarge } from "../errors.ts";
import { index, MAX_PATH, sliceRange } from "./access.ts";
import { add } from "./arithmetic.ts";
import { compare, equal } from "./compare.ts";
import { isObject, typeName } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { toInt } from "./numbers.ts";
import { copyObject, getKey, putKey } from "./objects.ts";

/** jq's own limit on the length of arrays. */
const MAX_ARRAY_INDEX = 536_870_911;

/** The array position a write goes to; raises jq's errors. */
function writeIndex(length: number, key: number): number {
  if (Number.isNaN(key)) fail("Cannot set array element at NaN index");
  let at = toInt(key);
  if (at < 0) at += length;
  if (at < 0) fail("Out of bounds negative array index");
  if (at > MAX_ARRAY_INDEX) failTooLarge("Array index too large");
  if (at > length && at - length > limits().steps) {
    throw exceeded(`size budget (an array of ${at + 1})`);
  }
  return at;
}

function fill(array: Json[], length: number): void {
  if (array.length >= length) return;
  chargeBuilt(length - array.length);
  while (array.length < length) array.push(null);
}

function setSlice(value: Json[], key: JsonObject, items: Json): Json[] {
  const { from, to } = sliceRange(value.length, getKey(key, "start"), getKey(key, "end"));
  if (!Array.isArray(items)) return fail("A slice of an array can only be assigned another array");
  chargeCopy(value.length + items.length);
  return [...value.slice(0, from), ...items, ...value.slice(to)];
}

function cannotUpdate(value: Json, key: Json): never {
  // jq reads before it writes, so a failing read names the error.
  index(value, key);
  return fail(`Cannot update field at ${typeName(key)} index of ${typeName(value)}`);
}

/** A container a new child may be written to: the value itself when owned, else a copy. */
function writable(value: Json, key: Json, owned: boolean): Json[] | JsonObject {
  if (typeof key === "string" && (value === null || isObject(value))) {
    if (value === null) return {};
    if (owned) return value;
    chargeCopy(Object.keys(value).length * 4);
    return copyObject(value);
  }
  if (typeof key === "number" && (value === null || Array.isArray(value))) {
    if (value === null) return [];
    if (owned) return value;
    chargeCopy(value.length);
    return value.slice();
  }
  return cannotUpdate(value, key);
}

function write(container: Json[] | JsonObject, key: string | number, value: Json): void {
  if (Array.isArray(container)) {
    const at = writeIndex(container.length, key as number);
    fill(container, at);
    if (at === container.length) chargeBuilt(1);
    container[at] = value;
  } else {
    chargeBuilt(1);
    putKey(container, key as string, value);
  }
}

/** A copy of an array, or of null as an empty one, with another value at a position. */
export function setItem(value: Json, at: number, item: Json): Json {
  const copy = writable(value, at, false);
  write(copy, at, item);
  return copy;
}

/**
 * The containers an operation has copied on the way to the last path it set. They are reachable
 * from nowhere but its own root, so paths that share the way may write to them directly.
 */
export class Spine {
  root: Json;
  private keys: Json[] = [];
  private nodes: (Json[] | JsonObject)[] = [];

  constructor(root: Json) {
    this.root = root;
  }

  /** Replaces the value at a path. */
  set(path: readonly Json[], value: Json): void {
    if (path.length > MAX_PATH) fail("Path too deep");
    charge(path.length + 1);
    if (path.length === 0) {
      this.replace(value);
      return;
    }
    const slice = path.findIndex((key) => typeof key !== "string" && typeof key !== "number");
    if (slice >= 0) this.setThroughSlice(path, slice, value);
    else this.descend(path, value);
  }

  /** Puts another value in place of the root; it belongs to others. */
  replace(value: Json): void {
    this.root = value;
    this.forget(0);
  }

  /** `root + value`, in place where the root is the operation's own. */
  add(value: Json): void {
    const { root } = this;
    if (typeof root === "number" && typeof value === "number") {
      this.root = number(root + value);
      return;
    }
    const isOwn = this.nodes.length > 0;
    this.forget(isOwn ? 1 : 0);
    this.keys.length = 0;
    if (isOwn && Array.isArray(root) && Array.isArray(value)) {
      chargeBuilt(value.length);
      for (const item of value) root.push(item);
    } else if (isOwn && isObject(root) && isObject(value)) {
      const names = Object.keys(value);
      chargeBuilt(names.length);
      for (const name of names) putKey(root, name, value[name] as Json);
    } else {
      this.root = add(root, value);
      const isNew = root !== null && value !== null && typeof root === "object";
      this.nodes = isNew ? [this.root as Json[] | JsonObject] : [];
    }
  }

  private forget(from: number): void {
    this.keys.length = Math.min(this.keys.length, from);
    this.nodes.length = Math.min(this.nodes.length, from);
  }

  private setThroughSlice(path: readonly Json[], at: number, value: Json): void {
    const parent = path.slice(0, at);
    let holder = this.root;
    for (const key of parent) holder = index(holder, key);
    const replaced = setInSlice(holder, path.slice(at), value);
    this.forget(at);
    if (at === 0) this.root = replaced;
    else this.descend(parent, replaced);
  }

  private descend(path: readonly Json[], value: Json): void {
    const last = path.length - 1;
    let shared = 0;
    while (shared < last && shared < this.keys.length && this.keys[shared] === path[shared]) {
      shared += 1;
    }
    this.keys.length = Math.min(this.keys.length, shared);
    this.nodes.length = Math.min(this.nodes.length, shared + 1);
    let node = this.nodes[shared];
    for (let i = shared; i <= last; i += 1) {
      const key = path[i] as string | number;
      if (i > shared || node === undefined) {
        const old = i === 0 ? this.root : index(this.nodes[i - 1] as Json, path[i - 1] as Json);
        node = writable(old, key, false);
        this.attach(i, node, path);
      } else node = writable(node, key, true);
      this.keys[i] = key;
    }
    write(node as Json[] | JsonObject, path[last] as string | number, value);
    this.keys.length = last;
  }

  private attach(at: number, node: Json[] | JsonObject, path: readonly Json[]): void {
    if (at === 0) this.root = node;
    else write(this.nodes[at - 1] as Json[] | JsonObject, path[at - 1] as string | number, node);
    this.nodes[at] = node;
  }
}

function setInSlice(holder: Json, path: readonly Json[], value: Json): Json {
  const key = path[0] as Json;
  if (typeof holder === "string" && isObject(key)) return fail("Cannot update string slices");
  if (!isObject(key) || !(holder === null || Array.isArray(holder))) {
    return cannotUpdate(holder, key);
  }
  const inner = path.length === 1 ? value : setPath(index(holder, key), path.slice(1), value);
  return setSlice(holder ?? [], key, inner);
}

/** `setpath(path; value)` */
export function setPath(root: Json, path: Json, value: Json): Json {
  if (!Array.isArray(path)) return fail("Path must be specified as an array");
  const spine = new Spine(root);
  spine.set(path, value);
  return spine.root;
}

function deleteFromArray(array: Json[], keys: readonly Json[]): Json[] {
  const doomed = new Set<number>();
  for (const key of keys) {
    if (typeof key === "number") {
      const at = Math.trunc(key);
      doomed.add(at < 0 ? at + array.length : at);
    } else if (isObject(key)) {
      const { from, to } = sliceRange(array.length, getKey(key, "start"), getKey(key, "end"));
      charge(to - from);
      for (let i = from; i < to; i += 1) doomed.add(i);
    } else fail(`Cannot delete ${typeName(key)} element of array`);
  }
  charge(array.length);
  return array.filter((_, i) => !doomed.has(i));
}

function deleteFromObject(object: JsonObject, keys: readonly Json[]): JsonObject {
  const doomed = new Set<string>();
  for (const key of keys) {
    if (typeof key !== "string") fail(`Cannot delete ${typeName(key)} field of object`);
    doomed.add(key);
  }
  const copy: JsonObject = {};
  const names = Object.keys(object);
  charge(names.length);
  for (const name of names) if (!doomed.has(name)) putKey(copy, name, object[name] as Json);
  return copy;
}

function deleteKeys(value: Json, keys: readonly Json[]): Json {
  if (value === null || keys.length === 0) return value;
  if (Array.isArray(value)) return deleteFromArray(value, keys);
  if (isObject(value)) return deleteFromObject(value, keys);
  return fail(`Cannot delete fields from ${typeName(value)}`);
}

/** Deletes sorted paths below a value; `depth` keys of each are already walked. */
function deleteSorted(value: Json, paths: readonly Json[][], depth: number): Json {
  const doomed: Json[] = [];
  let result = value;
  let i = 0;
  while (i < paths.length) {
    charge(1);
    const path = paths[i] as Json[];
    const key = path[depth] as Json;
    let end = i + 1;
    while (end < paths.length && equal(key, (paths[end] as Json[])[depth] as Json)) end += 1;
    if (path.length === depth + 1) doomed.push(key);
    else {
      const child = index(result, key);
      if (child !== null) {
        const changed = deleteSorted(child, paths.slice(i, end), depth + 1);
        result = setPath(result, [key], changed);
      }
    }
    i = end;
  }
  return deleteKeys(result, doomed);
}

/** `delpaths(paths)` */
export function deletePaths(value: Json, paths: Json): Json {
  if (!Array.isArray(paths)) return fail("Paths must be specified as an array");
  charge(paths.length * 4);
  const sorted = [...paths].sort(compare);
  for (const path of sorted) {
    if (!Array.isArray(path)) fail(`Path must be specified as array, not ${typeName(path)}`);
    if (path.length > MAX_PATH) fail("Path too deep");
  }
  if (sorted.length === 0) return value;
  if ((sorted[0] as Json[]).length === 0) return null;
  return deleteSorted(value, sorted as Json[][], 0);
}
