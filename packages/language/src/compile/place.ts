/** Where the compiler is in a definition, and what holds there. */
import {
  escapePointer,
  type IssueCode,
  type IssueDetails,
  makeIssue,
  parsePath,
} from "../issue.ts";
import type { Issue } from "../issue.ts";
import type { ExternalResource, Resources } from "../external.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { EventFilterNode, Extension, TaskNode } from "../program.ts";
import type { JqCache } from "./jq.ts";

/** How strings in a definition are read (`evaluate.mode`). */
export type Mode = "strict" | "loose";

/** What compiling any part of a workflow may need to know of the whole. */
export interface Compilation {
  readonly mode: Mode;
  readonly definition: JsonObject;
  /** `use`, as written. */
  readonly use: JsonObject;
  readonly secrets: ReadonlySet<string>;
  readonly nodes: Map<string, TaskNode>;
  /** Distinct event filters, by id. */
  readonly filters: Map<string, EventFilterNode>;
  readonly issues: Issue[];
  readonly warnings: Issue[];
  readonly jq: JqCache;
  /** Functions being compiled: one that comes up again calls itself. */
  readonly calling: readonly string[];
  /** Compiled extensions; empty inside extensions, which are not extended themselves. */
  readonly extensions: readonly (Extension & { readonly extend: string })[];
  /** True inside extensions: functions called there are copies without extensions. */
  readonly bare: boolean;
  /** Functions and schemas from outside that the host has fetched, and why others could not be. */
  readonly resources: Resources;
  readonly failures: Readonly<Record<string, string>>;
  /** What is needed from outside and is not there, by id. */
  readonly missing: Map<string, ExternalResource>;
  /** Functions from outside around this place. */
  readonly outside: number;
  /** Compiles a task at a place; handed down, because every kind of task may hold tasks of every kind. */
  readonly compileTask: (name: string, task: JsonObject, place: Place) => TaskNode;
}

/** A place in the definition. */
export interface Place {
  readonly of: Compilation;
  /** JSON Pointer. */
  readonly pointer: string;
  /** Variables in scope, without `$`. */
  readonly variables: readonly string[];
  /** Names that `then` may target. */
  readonly siblings: readonly string[];
  /** Tasks around this place. */
  readonly depth: number;
  /** True in the arguments of outside work: expressions that name a secret are evaluated where that work is done. */
  readonly defers?: true;
}

/** The place one or more steps further down. */
export function down(place: Place, ...segments: readonly (string | number)[]): Place {
  const steps = segments.map((segment) => `/${escapePointer(String(segment))}`).join("");
  return { ...place, pointer: place.pointer + steps };
}

/** The same place with more variables in scope. */
export function withVariables(place: Place, ...names: readonly string[]): Place {
  return { ...place, variables: [...new Set([...place.variables, ...names])] };
}

/** Notes what is wrong here; the compilation goes on, to find the rest. */
export function report(
  place: Place,
  code: IssueCode,
  message: string,
  details: IssueDetails = {},
): void {
  place.of.issues.push(issueAt(place, code, message, details));
}

/** Notes what is allowed but probably not meant. */
export function warn(place: Place, code: IssueCode, message: string): void {
  place.of.warnings.push(issueAt(place, code, message, {}));
}

function issueAt(place: Place, code: IssueCode, message: string, details: IssueDetails): Issue {
  return makeIssue(code, parsePath(place.of.definition, place.pointer), message, details);
}

/** Text where text must be; anything else is empty. */
export function asText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The object itself, for places that need one. */
export function asObject(value: Json | undefined): JsonObject {
  return value !== undefined && isObject(value) ? value : {};
}

export function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The single entry of a named item, such as `{ getPet: { … } }`. */
export function entryOf(item: Json | undefined): readonly [string, JsonObject] {
  const [entry] = Object.entries(asObject(item));
  return entry === undefined ? ["", {}] : [entry[0], asObject(entry[1])];
}

/** `{ [key]: value }`, or nothing for an absent value: optional fields stay absent. */
export function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}
