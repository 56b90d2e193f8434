/** Definition → program: resolves names, compiles expressions, indexes flow targets. The definition must be valid. */
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Program, TaskNode } from "../program.ts";
import { asObject, asText, ExpressionCompiler, STANDARD_VARIABLES } from "./expression.ts";
import { compileStep, compileTaskList, compileTimeout } from "./tasks.ts";

/** What compiling a task needs to know of the workflow around it. */
export interface Compilation {
  readonly expressions: ExpressionCompiler;
  /** `use`, as written. */
  readonly use: JsonObject;
  readonly nodes: Map<string, TaskNode>;
  /** Functions being compiled: a function that calls itself ends here. */
  readonly calling: readonly string[];
  /** False inside extensions, which are not extended themselves. */
  readonly extend: boolean;
}

/**
 * @throws {ExpressionError} an expression does not parse
 * @throws {Error} the definition breaks a rule that validation checks
 */
export function compile(definition: JsonObject): Program {
  const evaluate = asObject(definition.evaluate);
  const expressions = new ExpressionCompiler(evaluate.mode === "loose" ? "loose" : "strict");
  const use = asObject(definition.use);
  const nodes = new Map<string, TaskNode>();
  const compilation: Compilation = { expressions, use, nodes, calling: [], extend: true };
  const scope = STANDARD_VARIABLES;
  const { document } = definition;
  const name = (key: string): string => asText(asObject(document)[key]);
  const timeout = compileTimeout(definition.timeout, compilation, scope);
  const input = compileStep(definition.input, "from", compilation, scope);
  const output = compileStep(definition.output, "as", compilation, scope);
  return Object.freeze({
    namespace: name("namespace"),
    name: name("name"),
    version: name("version"),
    definition,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(timeout === undefined ? {} : { timeout }),
    secrets: listOf(use.secrets).map(String),
    tasks: compileTaskList(definition.do, "/do", compilation, scope),
    nodes,
  });
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The single entry of a named item, such as `{ getPet: { … } }`. */
export function entryOf(item: Json | undefined): readonly [string, JsonObject] {
  const [entry] = Object.entries(asObject(item));
  if (entry === undefined || !isObject(entry[1])) throw new Error("a named item needs one entry");
  return [entry[0], entry[1]];
}
