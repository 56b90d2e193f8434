/**
 * Large values of a record are held by reference: at its place stands `null`, and the record has a member `$refs` that says
 * where, with the digest and the size of the value's JSON text.
 *
 *   {"id": "…", "input": {"scan": null}, "$refs": [[["input", "scan"], "9f86…", 10485760]]}
 *
 * A record is an object whose members are named by us (a state, a fact, a message, an activity's request, a CloudEvent), so
 * that nothing of a user's can be taken for a reference. What of it is *structure* (its shape) always stays in it; the values
 * below are split off by size, the innermost first: what is still too large when its large parts are gone goes whole, so no
 * reference stands inside a value that another refers to.
 *
 * Values are immutable. One that was split off before is known by its identity, and is neither looked at nor hashed again.
 */
import { createHash } from "node:crypto";
import type { Digest, Value } from "./payloads.ts";

/** Bytes of JSON that a value may have and stay where it is. */
export const LARGE = 32 * 1024;
export const REFS = "$refs";

/** Of the JSON text of a value. */
export interface Stored {
  readonly digest: Digest;
  readonly bytes: number;
}
export interface Ref extends Stored {
  /** Keys and indices from the record to the value's place. */
  readonly path: readonly (string | number)[];
}
/** Values (objects, arrays, strings) that are stored, by identity; of strings, by content. */
export type Known = ReadonlyMap<unknown, Stored>;
export const NONE: Known = new Map();

/**
 * Members that are structure, with the shape of each; `*` is any other. All below a member that is not named, or {@link VALUE},
 * is a value.
 */
export interface Shape {
  readonly [member: string]: Shape | typeof VALUE;
}
export const VALUE = undefined;
/** Every member is a value. */
export const FLAT: Shape = {};
/** Stays as it is, however large. */
export const STAYS: Shape = {};

export interface SpillRules {
  /** Bytes; a larger value goes. */
  readonly limit: number;
  /** Whether a value of so many bytes can be stored; what cannot stays where it is. */
  readonly accepts: (bytes: number) => boolean;
}

export interface Spilled {
  /** The record as JSON text. */
  readonly text: string;
  /** The same as an object; the one that was given when nothing was split off. */
  readonly record: object;
  readonly refs: readonly Ref[];
  /** What the references refer to. */
  readonly values: Known;
  /** Of these, what was not known: each once. */
  readonly fresh: readonly Value[];
}

/** @param record plain JSON, without a member {@link REFS} */
export function spill(
  record: object,
  rules: SpillRules,
  { known = NONE, shape = FLAT }: { readonly known?: Known; readonly shape?: Shape } = {},
): Spilled {
  const text = known.size === 0 ? JSON.stringify(record) : undefined;
  if (text !== undefined && isSmall(text, rules.limit)) return whole(text, record);
  const taken = new Cutter(rules, known).cut(record, shape);
  if (taken.length === 0) return whole(text ?? JSON.stringify(record), record);
  const values = new Map<unknown, Stored>();
  const fresh = new Map<Digest, Value>();
  const refs = taken.map(({ path, value }): Ref => {
    const stored = values.get(value) ?? known.get(value) ?? digested(value, fresh);
    values.set(value, stored);
    return { path, ...stored };
  });
  const left = without(record, refs);
  return { text: JSON.stringify(left), record: left, refs, values, fresh: [...fresh.values()] };
}

/** True when some value of the record is among those known. */
export function mentions(record: object, rules: SpillRules, known: Known): boolean {
  if (known.size === 0) return false;
  return new Cutter(rules, known).cut(record, FLAT).some(({ value }) => known.has(value));
}

function whole(text: string, record: object): Spilled {
  return { text, record, refs: [], values: NONE, fresh: [] };
}

/** A UTF-16 unit has three bytes of UTF-8 at most: mostly one comparison. */
export function isSmall(text: string, limit: number): boolean {
  return text.length * 3 <= limit || Buffer.byteLength(text) <= limit;
}

function digested(value: unknown, fresh: Map<Digest, Value>): Stored {
  const bytes = Buffer.from(JSON.stringify(value), "utf8");
  const digest = createHash("sha256").update(bytes).digest("hex");
  fresh.set(digest, { digest, bytes });
  return { digest, bytes: bytes.length };
}

interface Taken {
  readonly path: Ref["path"];
  readonly value: unknown;
}

/** Finds what is to go, in one walk, the innermost first. */
class Cutter {
  readonly #rules: SpillRules;
  readonly #known: Known;
  readonly #taken: Taken[] = [];
  readonly #path: (string | number)[] = [];
  /** Bytes that the value walked last has as a whole. */
  #bytes = 0;

  constructor(rules: SpillRules, known: Known) {
    this.#rules = rules;
    this.#known = known;
  }

  cut(record: object, shape: Shape): readonly Taken[] {
    for (const [key, value] of Object.entries(record) as [string, unknown][]) {
      const below = Object.hasOwn(shape, key) ? shape[key] : shape["*"];
      if (below === STAYS) continue;
      this.#path.push(Array.isArray(record) ? Number(key) : key);
      if (below !== undefined && typeof value === "object" && value !== null)
        this.cut(value, below);
      else if (this.#room(value, this.#rules.limit) < 0) this.#left(value);
      this.#path.pop();
    }
    return this.#taken;
  }

  /**
   * What is left of so many bytes, if the value had all that JSON may make of it; negative when it may not fit, or holds what is
   * known. Most values are small, and need not be measured.
   */
  #room(value: unknown, bytes: number): number {
    if (typeof value === "string") return bytes - MOST_OF_UNIT * value.length - 2;
    if (typeof value !== "object" || value === null) return bytes - MOST_OF_SCALAR;
    if (this.#known.size > 0 && this.#known.has(value)) return -1;
    let left = bytes - 2;
    if (Array.isArray(value)) {
      for (const member of value) {
        if (left < 0) return left;
        left = this.#room(member, left - 1);
      }
      return left;
    }
    for (const key in value) {
      if (left < 0) return left;
      const name = MOST_OF_UNIT * key.length + 4;
      left = this.#room((value as Record<string, unknown>)[key], left - name);
    }
    return left;
  }

  /** @returns bytes of what stays at the value's place */
  #left(value: unknown): number {
    if (typeof value === "string") return this.#string(value);
    if (typeof value !== "object" || value === null) {
      this.#bytes = scalarBytes(value);
      return this.#bytes;
    }
    const known = this.#known.get(value);
    if (known !== undefined) {
      this.#bytes = known.bytes;
      return this.#take(value, this.#taken.length);
    }
    return this.#container(value);
  }

  #string(value: string): number {
    const { limit, accepts } = this.#rules;
    if (value.length * MOST_OF_UNIT + 2 <= limit) return (this.#bytes = stringBytes(value));
    const known = this.#known.get(value);
    this.#bytes = known?.bytes ?? stringBytes(value);
    if (known === undefined && (this.#bytes <= limit || !accepts(this.#bytes))) return this.#bytes;
    return this.#take(value, this.#taken.length);
  }

  #container(value: object): number {
    const { limit, accepts } = this.#rules;
    const before = this.#taken.length;
    let members = 0;
    let left = 0;
    let bytes = 0;
    const list = Array.isArray(value);
    for (const key of list ? value.keys() : Object.keys(value)) {
      const member = (value as Record<string | number, unknown>)[key];
      if (member === undefined && !list) continue;
      this.#path.push(key);
      const name = typeof key === "number" ? 0 : stringBytes(key) + 1;
      left += name + this.#left(member);
      bytes += name + this.#bytes;
      members += 1;
      this.#path.pop();
    }
    const marks = 2 + Math.max(0, members - 1);
    this.#bytes = bytes + marks;
    if (left + marks <= limit || !accepts(this.#bytes)) return left + marks;
    return this.#take(value, before);
  }

  /** What was taken of its inside since `before` goes with it. */
  #take(value: unknown, before: number): number {
    this.#taken.length = before;
    this.#taken.push({ path: [...this.#path], value });
    return NULL.length;
  }
}

const NULL = "null";
/** Bytes of a UTF-16 unit at most: of one that is escaped; and of a number. */
const MOST_OF_UNIT = 6;
const MOST_OF_SCALAR = 25;

function scalarBytes(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return String(value).length;
  return value === false ? "false".length : NULL.length;
}

/** Bytes of a string as JSON. */
function stringBytes(value: string): number {
  if (!NOT_PLAIN.test(value)) return value.length + 2;
  return Buffer.byteLength(JSON.stringify(value));
}
/** What is not ASCII, or JSON escapes. */
const NOT_PLAIN = /[^ !#-[\]-~]/;

/** A copy of what lies on the way to the places, which hold `null`; with the references. */
function without(record: object, refs: readonly Ref[]): object {
  const copy: Record<string, unknown> = { ...record };
  const copies = new Set<unknown>([copy]);
  for (const { path } of refs) {
    let at = copy as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) {
      let next = at[key] as object;
      if (!copies.has(next)) {
        next = Array.isArray(next) ? [...next] : { ...next };
        copies.add(next);
        at[key] = next;
      }
      at = next as Record<string | number, unknown>;
    }
    at[path.at(-1) as string] = null;
  }
  copy[REFS] = refs.map(({ path, digest, bytes }) => [path, digest, bytes]);
  return copy;
}

/** A CloudEvent from outside, without an attribute that would be taken for our references. No specification knows such a one. */
export function withoutRefs<E extends object>(event: E): E {
  if (!Object.hasOwn(event, REFS)) return event;
  const { [REFS]: _, ...rest } = event as E & { readonly [REFS]: unknown };
  return rest as unknown as E;
}

/** Takes the references out of a record as it was parsed; none when nothing was split off. */
export function takeRefs(record: object): readonly Ref[] {
  const of = record as { [REFS]?: readonly (readonly [Ref["path"], Digest, number])[] };
  const refs = of[REFS];
  if (refs === undefined) return [];
  delete of[REFS];
  return refs.map(([path, digest, bytes]) => ({ path, digest, bytes }));
}

/**
 * Puts the values where they were; the record is then as it was given to {@link spill}.
 * @returns the values by identity
 */
export function fill(
  record: object,
  refs: readonly Ref[],
  valueOf: (digest: Digest) => unknown,
): Known {
  const known = new Map<unknown, Stored>();
  for (const { path, digest, bytes } of refs) {
    const value = valueOf(digest);
    let at = record as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
    at[path.at(-1) as string] = value;
    known.set(value, { digest, bytes });
  }
  return known;
}
