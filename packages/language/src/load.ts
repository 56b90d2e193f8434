/** Text → validated, compiled program. */
import { compile } from "./compile/compile.ts";
import { DurationError } from "./duration.ts";
import { ExpressionError } from "./errors.ts";
import { type Issue, makeIssue } from "./issue.ts";
import { isObject, type JsonObject } from "./json.ts";
import { type ParseOptions, parseYaml } from "./parse/yaml.ts";
import type { Program } from "./program.ts";
import { workflow } from "./schema/workflow.ts";
import { checkShape, Walk } from "./validate/structure.ts";

export type Loaded =
  | {
      readonly ok: true;
      readonly program: Program;
      readonly definition: JsonObject;
      readonly warnings: readonly Issue[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Parses, validates and compiles a definition in YAML or JSON. Never throws for a bad definition. */
export function load(text: string, options: ParseOptions = {}): Loaded {
  const parsed = parseYaml(text, options);
  if (parsed.value === undefined) return { ok: false, issues: parsed.issues };
  const walk = new Walk();
  checkShape(workflow, parsed.value, walk);
  if (walk.issues.length > 0 || !isObject(parsed.value))
    return { ok: false, issues: walk.issues.map((issue) => parsed.locate(issue)) };
  const definition = parsed.value;
  try {
    return { ok: true, program: compile(definition), definition, warnings: [] };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code =
      error instanceof ExpressionError
        ? "expression"
        : error instanceof DurationError
          ? "value"
          : "reference";
    return { ok: false, issues: [parsed.locate(makeIssue(code, [], error.message))] };
  }
}
