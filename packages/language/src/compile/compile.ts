/**
 * Definition → program: resolves names, compiles expressions, indexes flow targets.
 *
 * One walk does the work and finds what is wrong beyond the schema, so a definition that compiles is a definition that
 * is valid. Problems are collected, not thrown: a person fixes them all in one go.
 */
import type { ExternalResource } from "../external.ts";
import { DefinitionError, type Issue } from "../issue.ts";
import type { JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import type { Program } from "../program.ts";
import { workflow, type WorkflowDefinition } from "../schema/workflow.ts";
import { compileTimeout } from "./durations.ts";
import { compileExtensions } from "./extensions.ts";
import { compileFunction } from "./functions.ts";
import { compilePriority } from "./metadata.ts";
import { asObject, asText, down, given, type Place, report, warn } from "./place.ts";
import { checkSchedulePolicies } from "./schedule-policies.ts";
import { compileSchedule } from "./schedule.ts";
import { type Outside, rootPlace, startCompilation } from "./start.ts";
import { compileStep } from "./steps.ts";
import { compileTaskList } from "./lists.ts";
import { compileTask } from "./tasks.ts";

export interface Compiled {
  readonly program: Program;
  /** The program is only good when there are none. */
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
  /** Needed from outside and not given: the program cannot do these parts. */
  readonly missing: readonly ExternalResource[];
}

/**
 * Compiles a definition whose structure is valid.
 * @throws {DefinitionError} with every issue found
 */
export function compile(definition: WorkflowDefinition | JsonObject): Program {
  const { program, issues } = compileChecked(definition as JsonObject);
  if (issues.length > 0) throw new DefinitionError(issues);
  return program;
}

/** Compiles as far as possible, and says what is wrong. */
export function compileChecked(definition: JsonObject, outside: Outside = {}): Compiled {
  const bare = rootPlace(startCompilation(definition, outside, compileTask));
  const root: Place = { ...bare, of: { ...bare.of, extensions: compileExtensions(bare) } };
  const { issues, warnings, missing } = root.of;
  warnUnknownProperties(definition, root);
  checkLanguage(definition, root);
  checkVersion(definition, root);
  checkSchedulePolicies(definition, root);
  const program = compileProgram(definition, root);
  // Functions that nothing calls are looked at too.
  for (const [name, written] of Object.entries(asObject(root.of.use.functions))) {
    compileFunction(name, written, root);
  }
  return { program, issues, warnings, missing: [...missing.values()] };
}

function compileProgram(definition: JsonObject, root: Place): Program {
  const document = asObject(definition.document);
  return Object.freeze({
    namespace: asText(document.namespace),
    name: asText(document.name),
    version: asText(document.version),
    definition,
    ...given("input", compileStep(definition.input, "from", down(root, "input"))),
    ...given("output", compileStep(definition.output, "as", down(root, "output"))),
    ...given("timeout", compileTimeout(definition.timeout, down(root, "timeout"))),
    ...given("schedule", compileSchedule(definition.schedule, down(root, "schedule"))),
    secrets: [...root.of.secrets],
    ...given("priority", compilePriority(document, down(root, "document"))),
    tasks: compileTaskList(definition.do, down(root, "do")),
    nodes: root.of.nodes,
    // Last: the tasks and the schedule have entered theirs.
    eventFilters: [...root.of.filters.values()],
  });
}

function checkLanguage(definition: JsonObject, root: Place): void {
  const { language } = asObject(definition.evaluate);
  if (language === undefined || language === "jq") return;
  const place = down(root, "evaluate", "language");
  report(
    place,
    "unsupported",
    `expression language "${asText(language)}" is not supported; use jq`,
  );
}

/** A version stands in keys and addresses; the schema's pattern bounds every part of a name but this. */
const MAX_VERSION = 128;

function checkVersion(definition: JsonObject, root: Place): void {
  if (asText(asObject(definition.document).version).length <= MAX_VERSION) return;
  report(down(root, "document", "version"), "limit", `longer than ${MAX_VERSION} characters`);
}

/** The official schema leaves the root open, so a misspelt `outptu` would pass silently. */
function warnUnknownProperties(definition: JsonObject, root: Place): void {
  const known = Object.keys(workflow.properties);
  for (const key of Object.keys(definition)) {
    if (known.includes(key)) continue;
    warn(
      down(root, key),
      "unknown-property",
      `unknown property${suggestion(key, known)}; it has no effect`,
    );
  }
}
