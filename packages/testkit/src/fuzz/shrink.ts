/** Makes a failing input smaller while it still fails. */
import type { Json } from "@millrace/language";

/** Whether a candidate still shows the finding. */
export type StillFails<Case> = (candidate: Case) => Promise<boolean>;

/** Most candidates tried for one finding. */
const MOST_TRIES = 400;

/**
 * Takes the first smaller value that still fails, again and again, until none does or the tries are spent. Strings lose
 * stretches, lists and objects lose members, every value may become a simpler one.
 */
export async function shrink(start: Json, fails: StillFails<Json>): Promise<Json> {
  let best = start;
  let tries = 0;
  for (;;) {
    let better: Json | undefined;
    for (const candidate of smaller(best)) {
      if ((tries += 1) > MOST_TRIES) return best;
      if (await fails(candidate)) {
        better = candidate;
        break;
      }
    }
    if (better === undefined) return best;
    best = better;
  }
}

/** Smaller values, the boldest first. */
export function* smaller(value: Json): Generator<Json> {
  if (typeof value === "string") {
    yield* smallerText(value);
  } else if (typeof value === "number") {
    if (value !== 0) yield 0;
    if (!Number.isInteger(value)) yield Math.trunc(value);
    else if (Math.abs(value) > 1) yield Math.trunc(value / 2);
  } else if (Array.isArray(value)) {
    yield* smallerList(value as readonly Json[]);
  } else if (typeof value === "object" && value !== null) {
    yield* smallerObject(value as Readonly<Record<string, Json>>);
  }
}

/** Without a half, a quarter …, a character. */
function* smallerText(text: string): Generator<string> {
  for (let size = Math.ceil(text.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    // Long texts lose large stretches first; single characters only go once little is left.
    if (text.length / size > 200) return;
    for (let from = 0; from < text.length; from += size) {
      yield text.slice(0, from) + text.slice(from + size);
    }
  }
}

function* smallerList(list: readonly Json[]): Generator<Json> {
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let from = 0; from < list.length; from += size) {
      yield [...list.slice(0, from), ...list.slice(from + size)];
    }
  }
  for (const [index, item] of list.entries()) {
    for (const less of smaller(item)) yield list.with(index, less);
  }
}

function* smallerObject(object: Readonly<Record<string, Json>>): Generator<Json> {
  for (const name of Object.keys(object)) {
    const { [name]: _, ...rest } = object;
    yield rest;
  }
  for (const [name, inner] of Object.entries(object)) {
    for (const less of smaller(inner)) yield { ...object, [name]: less };
  }
}
