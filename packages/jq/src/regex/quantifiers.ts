/** `*`, `+`, `?` and `{n,m}` with their lazy and possessive forms. */
import type { PatternNode } from "./ast.ts";
import type { Reader } from "./reader.ts";
import { regexError } from "./reader.ts";

const MAX_REPEAT = 100_000;

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Intervals have no possessive form in this syntax. */
  readonly isInterval: boolean;
}

/** `{n}`, `{n,}` or `{n,m}`; anything else after a brace is literal text. */
function interval(reader: Reader): Bounds | undefined {
  const start = reader.at;
  reader.next();
  const low = reader.takeWhile(/\d/);
  const comma = reader.take(",");
  const high = comma ? reader.takeWhile(/\d/) : low;
  if (low === "" || !reader.take("}")) {
    reader.at = start;
    return undefined;
  }
  const min = Number(low);
  const max = high === "" ? Number.POSITIVE_INFINITY : Number(high);
  if (min > MAX_REPEAT || (max > MAX_REPEAT && high !== "")) {
    return regexError("too big number range in repeat");
  }
  // Oniguruma reads {m,n} with m > n as the bounds in the other order.
  return { min: Math.min(min, max), max: Math.max(min, max), isInterval: true };
}

function bounds(reader: Reader): Bounds | undefined {
  switch (reader.peek()) {
    case "*":
      reader.next();
      return { min: 0, max: Number.POSITIVE_INFINITY, isInterval: false };
    case "+":
      reader.next();
      return { min: 1, max: Number.POSITIVE_INFINITY, isInterval: false };
    case "?":
      reader.next();
      return { min: 0, max: 1, isInterval: false };
    case "{":
      return interval(reader);
    default:
      return undefined;
  }
}

/** A quantifier applied to a node, or undefined when none follows. */
export function parseQuantifier(reader: Reader, body: PatternNode): PatternNode | undefined {
  const found = bounds(reader);
  if (found === undefined) return undefined;
  const { min, max } = found;
  if (reader.take("?")) return { kind: "repeat", body, min, max, mode: "lazy" };
  if (!found.isInterval && reader.take("+")) {
    return { kind: "repeat", body, min, max, mode: "possessive" };
  }
  return { kind: "repeat", body, min, max, mode: "greedy" };
}
