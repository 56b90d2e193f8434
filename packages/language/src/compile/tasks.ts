/** Task lists and what all tasks have in common; each kind's own part is in `kinds.ts`. */
import { escapePointer } from "../issue.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { DataStep, DurationSpec, Flow, TaskBase, TaskList, TaskNode } from "../program.ts";
import { type Compilation, entryOf, listOf } from "./compile.ts";
import { compileDuration } from "./durations.ts";
import { extensionsFor } from "./extensions.ts";
import { asObject } from "./expression.ts";
import { compileKind } from "./kinds.ts";
import { compileSchema } from "./schemas.ts";

/** Compiles a list of named tasks; `reference` is the list's own JSON Pointer. */
export function compileTaskList(
  value: Json | undefined,
  reference: string,
  compilation: Compilation,
  variables: readonly string[],
): TaskList {
  const entries = listOf(value).map(entryOf);
  const names = entries.map(([name]) => name);
  return entries.map(([name, task], index) =>
    compileTask(
      name,
      task,
      `${reference}/${index}/${escapePointer(name)}`,
      names,
      compilation,
      variables,
    ),
  );
}

/** Compiles one task and enters it among the program's nodes. `siblings` are the names `then` may target. */
export function compileTask(
  name: string,
  task: JsonObject,
  reference: string,
  siblings: readonly string[],
  compilation: Compilation,
  variables: readonly string[],
): TaskNode {
  const common = compileCommon(name, task, reference, siblings, compilation, variables);
  const node = compileKind(task, common, siblings, compilation, variables);
  const extensions = extensionsFor(node.kind, compilation);
  const complete: TaskNode = extensions.length === 0 ? node : { ...node, extensions };
  compilation.nodes.set(reference, complete);
  return complete;
}

function compileCommon(
  name: string,
  task: JsonObject,
  reference: string,
  siblings: readonly string[],
  compilation: Compilation,
  variables: readonly string[],
): TaskBase {
  const condition =
    typeof task.if === "string"
      ? { if: compilation.expressions.expression(task.if, variables) }
      : {};
  const step = (key: "input" | "output" | "export", transform: "from" | "as") => {
    const compiled = compileStep(task[key], transform, compilation, variables);
    return compiled === undefined ? {} : { [key]: compiled };
  };
  const timeout = compileTimeout(task.timeout, compilation, variables);
  return {
    name,
    reference,
    definition: task,
    ...condition,
    ...step("input", "from"),
    ...step("output", "as"),
    ...step("export", "as"),
    ...(timeout === undefined ? {} : { timeout }),
    then: compileFlow(task.then, siblings),
  };
}

/** `input`, `output` or `export`. */
export function compileStep(
  value: Json | undefined,
  key: "from" | "as",
  { expressions }: Compilation,
  variables: readonly string[],
): DataStep | undefined {
  if (!isObject(value)) return undefined;
  const transform = value[key];
  const document = asObject(value.schema).document;
  return {
    ...(isObject(document) || typeof document === "boolean"
      ? { schema: compileSchema(document) }
      : {}),
    ...(transform === undefined ? {} : { transform: expressions.transform(transform, variables) }),
  };
}

/** `timeout`: inline, or the name of one in `use.timeouts`. */
export function compileTimeout(
  value: Json | undefined,
  { expressions, use }: Compilation,
  variables: readonly string[],
): DurationSpec | undefined {
  const timeout = typeof value === "string" ? asObject(use.timeouts)[value] : value;
  const after = asObject(timeout).after;
  return after === undefined ? undefined : compileDuration(after, expressions, variables);
}

/** A flow directive; a task's name becomes its index among its siblings. */
export function compileFlow(value: Json | undefined, siblings: readonly string[]): Flow {
  if (typeof value !== "string") return CONTINUE;
  if (value === "continue" || value === "exit" || value === "end") return { kind: value };
  const index = siblings.indexOf(value);
  if (index === -1) throw new Error(`then: there is no task "${value}" in this list`);
  return { kind: "task", index };
}
const CONTINUE: Flow = { kind: "continue" };
