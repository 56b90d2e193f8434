/** What a definition of the right shape can still get wrong outside its tasks: schedule, language, secrets. */
import type { Issues } from "../compile/issues.ts";
import { asObject } from "../compile/expression.ts";
import type { Segment } from "../issue.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import { cronProblem } from "./cron.ts";

export function checkSemantics(definition: JsonObject, issues: Issues): void {
  const { language } = asObject(definition.evaluate);
  if (language !== undefined && language !== "jq")
    issues.report("unsupported", ["evaluate", "language"], "expressions are written in jq");
  if (definition.schedule !== undefined) checkSchedule(asObject(definition.schedule), issues);
  const secrets = asObject(definition.use).secrets;
  const known = new Set(Array.isArray(secrets) ? secrets.map(String) : []);
  checkSecrets(definition, [], known, issues);
}

const TRIGGERS = ["every", "cron", "after", "on"] as const;

function checkSchedule(schedule: JsonObject, issues: Issues): void {
  const given = TRIGGERS.filter((trigger) => schedule[trigger] !== undefined);
  if (given.length !== 1) {
    const got = given.length === 0 ? "none" : given.join(" and ");
    issues.report("schedule", ["schedule"], `expected one of ${TRIGGERS.join(", ")}, got ${got}`);
  }
  if (typeof schedule.cron !== "string") return;
  const problem = cronProblem(schedule.cron);
  if (problem !== undefined) issues.report("schedule", ["schedule", "cron"], problem);
}

/** `$secrets.name` must be listed in `use.secrets`. */
function checkSecrets(
  value: Json,
  path: readonly Segment[],
  known: ReadonlySet<string>,
  issues: Issues,
): void {
  if (typeof value === "string") {
    for (const [, name = ""] of value.matchAll(/\$secrets\s*\.\s*([A-Za-z_]\w*)/g))
      if (!known.has(name))
        issues.report(
          "reference",
          path,
          `the secret "${name}" is not listed in use.secrets${suggestion(name, known)}`,
        );
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries())
      checkSecrets(item, [...path, index], known, issues);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value))
      checkSecrets(item, [...path, key], known, issues);
  }
}
