/**
 * Collects what is wrong while a definition is compiled, each with its place, so that one pass reports everything.
 *
 * A part that cannot be compiled is reported and stands for nothing; the program is thrown away when there is any issue.
 */
import { DurationError } from "../duration.ts";
import { ExpressionError } from "../errors.ts";
import { type Issue, type IssueCode, makeIssue, type Segment } from "../issue.ts";
import { isObject, type Json } from "../json.ts";

/** A name that stands for nothing, a flow that leads nowhere: what the compiler itself finds. */
export class Mistake extends Error {
  readonly code: IssueCode;
  /** From the part being compiled to the place that is wrong. */
  readonly path: readonly Segment[];
  constructor(code: IssueCode, path: readonly Segment[], message: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

export class Issues {
  readonly list: Issue[] = [];

  report(code: IssueCode, path: readonly Segment[], message: string): void {
    this.list.push(makeIssue(code, path, message));
  }

  /** Compiles a part; on a mistake reports it under `path` and gives `fallback`. */
  attempt<T>(path: readonly Segment[], part: Json | undefined, compile: () => T, fallback: T): T {
    try {
      return compile();
    } catch (error) {
      if (error instanceof Mistake)
        this.report(error.code, [...path, ...error.path], error.message);
      else if (error instanceof ExpressionError)
        this.report("expression", [...path, ...findText(part, error.source)], error.message);
      else if (error instanceof DurationError) this.report("value", path, error.message);
      else throw error;
      return fallback;
    }
  }
}

/** The path to the first string that holds `text`. */
function findText(value: Json | undefined, text: string): readonly Segment[] {
  return search(value, text) ?? [];
}

function search(value: Json | undefined, text: string): Segment[] | undefined {
  if (typeof value === "string") return value.includes(text) ? [] : undefined;
  if (value === undefined || value === null || typeof value !== "object") return undefined;
  const entries: [Segment, Json][] = Array.isArray(value)
    ? value.map((item: Json, index) => [index, item])
    : isObject(value)
      ? Object.entries(value)
      : [];
  for (const [segment, item] of entries) {
    const found = search(item, text);
    if (found !== undefined) return [segment, ...found];
  }
  return undefined;
}

/** The segments of a reference such as `/do/0/getPet`; positions in lists are numbers. */
export function segmentsOf(reference: string): readonly Segment[] {
  return reference
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((token) => (/^\d+$/.test(token) ? Number(token) : token));
}
