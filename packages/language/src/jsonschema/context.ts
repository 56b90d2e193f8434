/** What the parts of the JSON Schema compiler share. */
import type { Json } from "../json.ts";
import type { SchemaIssue } from "../program.ts";

/** A schema that cannot be used; `pointer` leads to the place inside it. */
export class SchemaError extends Error {
  readonly pointer: string;
  constructor(message: string, pointer: string) {
    super(message);
    this.name = "SchemaError";
    this.pointer = pointer;
  }
}

/** What has been evaluated of one value so far, for `unevaluatedProperties` and `unevaluatedItems`. */
export interface Seen {
  readonly properties: Set<string>;
  readonly items: Set<number>;
}

export const nothingSeen = (): Seen => ({ properties: new Set(), items: new Set() });

/** One validation under way. */
export interface Run {
  /** Where mismatches go; absent while only the verdict matters (`anyOf`, `not` …). */
  readonly issues: SchemaIssue[] | undefined;
  /** `$ref`s being followed: a schema that refers to itself without looking deeper ends here. */
  depth: number;
}

/** `at` is the JSON Pointer of the value. */
export type Check = (value: Json, at: string, run: Run, seen: Seen) => boolean;

/** Compiles a subschema that stands at the given pointer in the document. */
export type CompileAt = (schema: Json | undefined, pointer: string) => Check;

/** What a keyword's compiler is given. */
export interface Keyword {
  readonly value: Json;
  /** The schema object the keyword stands in. */
  readonly schema: Readonly<Record<string, Json>>;
  /** Pointer of the keyword. */
  readonly pointer: string;
  readonly compile: CompileAt;
}

export type KeywordCompiler = (keyword: Keyword) => Check;

/** Notes a mismatch; always false. */
export function fail(run: Run, at: string, message: string): false {
  run.issues?.push({ pointer: at, message });
  return false;
}

/** The same run, interested in the verdict only. */
export const silently = (run: Run): Run => ({ issues: undefined, depth: run.depth });

export function addSeen(to: Seen, from: Seen): void {
  for (const key of from.properties) to.properties.add(key);
  for (const index of from.items) to.items.add(index);
}

/** A whole number of at least zero, as many keywords need. */
export function count({ value, pointer }: Keyword): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new SchemaError("expected a whole number of at least 0", pointer);
}

export function amount({ value, pointer }: Keyword): number {
  if (typeof value === "number") return value;
  throw new SchemaError("expected a number", pointer);
}

export function text({ value, pointer }: Keyword): string {
  if (typeof value === "string") return value;
  throw new SchemaError("expected a string", pointer);
}

export function list({ value, pointer }: Keyword): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw new SchemaError("expected a list", pointer);
}

export function strings(keyword: Keyword): readonly string[] {
  const items = list(keyword);
  if (items.every((item) => typeof item === "string")) return items;
  throw new SchemaError("expected a list of strings", keyword.pointer);
}
