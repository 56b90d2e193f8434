/** Whether two outcomes are the same. */
import type { Json } from "../../src/index.ts";
import type { Outcome } from "./outcome.ts";

/** How two outcomes differ; `none` when they do not. */
export type Distance = "none" | "order of keys" | "digits" | "message" | "value";

const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The worse of two. */
const ORDER: readonly Distance[] = ["none", "order of keys", "digits", "message", "value"];
const worse = (a: Distance, b: Distance): Distance => (ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b);

/** Relative difference of numbers that are equal but for the last digits of a function's result. */
const CLOSE = 1e-12;

export function distance(a: Json, b: Json): Distance {
  // The sign of zero is no part of a JSON value.
  if (a === b) return "none";
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= CLOSE * Math.max(Math.abs(a), Math.abs(b)) ? "digits" : "value";
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return "value";
    return a.map((item, at) => distance(item, b[at] as Json)).reduce(worse, "none");
  }
  if (!isObject(a) || !isObject(b)) return "value";
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length || !names.every((name) => Object.hasOwn(b, name)))
    return "value";
  const order = names.every((name, at) => name === others[at]) ? "none" : "order of keys";
  return names.map((name) => distance(a[name] as Json, b[name] as Json)).reduce(worse, order);
}

/** How the outcome here differs from the reference's. */
export function compare(here: Outcome, there: Outcome): Distance {
  if (here.kind !== there.kind) return "value";
  if (here.kind !== "ended" || there.kind !== "ended") return "none";
  const outputs = distance([...here.outputs], [...there.outputs]);
  const { error: a } = here;
  const { error: b } = there;
  if (a === undefined || b === undefined) return a === b ? outputs : "value";
  const errors = distance(a, b);
  const both = typeof a === "string" && typeof b === "string";
  return worse(outputs, errors === "value" && both ? "message" : errors);
}
