/** Text → validated, compiled program. */
import { compileChecked } from "./compile/compile.ts";
import type { Outside } from "./compile/start.ts";
import type { ExternalResource } from "./external.ts";
import type { Issue } from "./issue.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { type ParseOptions, parseYaml } from "./parse/yaml.ts";
import type { Program } from "./program.ts";
import { type WorkflowDefinition, workflow } from "./schema/workflow.ts";
import { checkShape } from "./validate/structure.ts";
import { Walk } from "./validate/walk.ts";

export type Loaded =
  | {
      readonly ok: true;
      readonly program: Program;
      readonly definition: JsonObject;
      /** Allowed, but probably not meant. */
      readonly warnings: readonly Issue[];
      /** What the definition takes from outside and was not given. */
      readonly missing: readonly ExternalResource[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Most issues shown at once. */
const MAX_ISSUES = 50;

/** Parses, validates and compiles a definition in YAML or JSON. Never throws for a bad definition. */
export function load(text: string, options: ParseOptions & Outside = {}): Loaded {
  const parsed = parseYaml(text, options);
  if (parsed.value === undefined) return { ok: false, issues: parsed.issues };
  const located = (issues: readonly Issue[]): readonly Issue[] =>
    issues
      .slice(0, MAX_ISSUES)
      .map((issue) => parsed.locate(issue))
      .sort(byPlace);
  const structural = validateStructure(parsed.value);
  if (structural.length > 0) return { ok: false, issues: located(structural) };
  const definition = parsed.value as JsonObject;
  const { program, issues, warnings, missing } = compileChecked(definition, options);
  if (issues.length > 0) return { ok: false, issues: located(issues) };
  return { ok: true, program, definition, warnings: located(warnings), missing };
}

/** In reading order. */
function byPlace(a: Issue, b: Issue): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** Whether a value has the shape of a definition: the verdict of the official JSON Schema, with better messages. */
export function validateStructure(value: Json): readonly Issue[] {
  const walk = new Walk();
  checkShape(workflow, value, walk);
  return walk.issues;
}

/** Structure, then meaning: everything `load` refuses once the text is read. */
export function validate(value: Json): readonly Issue[] {
  const structural = validateStructure(value);
  if (structural.length > 0 || !isObject(value)) return structural;
  return compileChecked(value).issues;
}

export type { WorkflowDefinition };
