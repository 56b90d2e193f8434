/**
 * What a schedule is to do, from where users write it: the API's form, and a definition's `schedule` with its policies.
 *
 * The two have the same words, and one reader: what the API is given is read as the parts of a definition that it would
 * be, so both know the same values and refuse the others with the same sentences.
 */
import {
  compileChecked,
  isObject,
  type Issue,
  type Json,
  type JsonObject,
  parseDuration,
  type Program,
  SCHEDULE_POLICIES,
  schedulePolicies,
  suggestion,
  validateStructure,
} from "@millrace/language";
import { PRIORITY_NAMES, type PriorityName, priorityNumber } from "@millrace/protocol";
import { NAME_PATTERN } from "@millrace/protocol/schemas";
import { RuntimeError, type RuntimeIssue } from "../runtime.ts";
import { DEFAULTS, type EventRead, type ScheduleSpec, type ScheduleTrigger } from "./schedule.ts";

const TRIGGER_NAMES = ["cron", "every", "after", "on", "read"] as const;
const OWN_NAMES = ["workflow", "input", "priority"] as const;
const NAMES: readonly string[] = [...OWN_NAMES, ...TRIGGER_NAMES, ...SCHEDULE_POLICIES];

/**
 * The schedule that a valid definition makes of itself; `undefined` when it has no `schedule`. Its input is `{}`, its
 * version the newest at each start, its priority the workflow's own.
 */
export function scheduleOfDefinition({
  namespace,
  name,
  definition,
}: Pick<Program, "namespace" | "name" | "definition">): ScheduleSpec | undefined {
  const { schedule } = definition;
  if (schedule === undefined || !isObject(schedule)) return undefined;
  return {
    ...DEFAULTS,
    // An event that found an instance running would be lost without a word.
    ...(schedule.on === undefined ? {} : { overlap: "allow" as const }),
    ...schedulePolicies(definition),
    workflow: { namespace, name },
    input: {},
    trigger: triggerOf(schedule),
  };
}

/** The name of that schedule. Neither part can hold a dot, so it is no other workflow's. */
export function scheduleNameOfDefinition(workflow: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return `${workflow.namespace}.${workflow.name}`;
}

function triggerOf({ cron, every, after, on, read }: JsonObject): ScheduleTrigger {
  if (typeof cron === "string") return { kind: "cron", expression: cron };
  if (every !== undefined) return { kind: "every", milliseconds: parseDuration(every) };
  if (after !== undefined) return { kind: "after", milliseconds: parseDuration(after) };
  return { kind: "on", strategy: on as JsonObject, read: (read ?? "data") as EventRead };
}

/**
 * What the API was given (schema `ScheduleSpec` of the protocol), checked.
 * @throws {RuntimeError} `invalid-schedule` with every issue
 */
export function readSpec(value: Json): ScheduleSpec {
  const issues: RuntimeIssue[] = [];
  const wire = isObject(value) ? value : {};
  if (!isObject(value)) issues.push({ path: "", message: "expected an object" });
  checkNames(wire, issues);
  const workflow = readWorkflow(wire.workflow, issues);
  const priority = readPriority(wire.priority, issues);
  const definition = asDefinition(wire);
  issues.push(...definitionIssues(definition).map(issueOfWire));
  if (issues.length > 0) throw invalid(issues);
  const spec = scheduleOfDefinition({ ...workflow, definition }) as ScheduleSpec;
  return {
    ...spec,
    workflow,
    input: wire.input === undefined ? {} : wire.input,
    ...(priority === undefined ? {} : { priority }),
  };
}

function invalid(issues: readonly RuntimeIssue[]): RuntimeError {
  const [first] = issues;
  const at = first === undefined || first.path === "" ? "" : `${first.path}: `;
  return new RuntimeError("invalid-schedule", `${at}${first?.message ?? "not valid"}`, {
    subject: "schedule",
    issues,
  });
}

function checkNames(wire: JsonObject, issues: RuntimeIssue[]): void {
  for (const path of Object.keys(wire)) {
    if (NAMES.includes(path)) continue;
    const hint = suggestion(path, NAMES) || `; there are ${NAMES.join(", ")}`;
    issues.push({ path, message: `a schedule has no such property${hint}` });
  }
}

const LABEL = new RegExp(NAME_PATTERN);
const VERSION = /^[0-9A-Za-z.+-]{1,128}$/;
const LABEL_RULE = "expected 1 to 63 letters, digits and hyphens, no hyphen at either end";

function readWorkflow(value: Json | undefined, issues: RuntimeIssue[]): ScheduleSpec["workflow"] {
  const say = (path: string, message: string): void => void issues.push({ path, message });
  if (value === undefined || !isObject(value)) {
    say("workflow", 'expected what to start, such as {"namespace": "shop", "name": "order"}');
    return { namespace: "", name: "" };
  }
  const { namespace, name, version, ...others } = value;
  for (const [key, part] of Object.entries({ namespace, name })) {
    if (typeof part !== "string" || !LABEL.test(part)) say(`workflow.${key}`, LABEL_RULE);
  }
  if (version !== undefined && (typeof version !== "string" || !VERSION.test(version)))
    say("workflow.version", "expected a version such as 1.0.0; leave it out for the newest");
  for (const key of Object.keys(others))
    say(`workflow.${key}`, "no such property; there are namespace, name, version");
  return {
    namespace: namespace as string,
    name: name as string,
    ...(typeof version === "string" && version !== "latest" ? { version } : {}),
  };
}

function readPriority(value: Json | undefined, issues: RuntimeIssue[]): number | undefined {
  if (value === undefined) return undefined;
  if (PRIORITY_NAMES.includes(value as PriorityName)) return priorityNumber(value as PriorityName);
  const message = `${JSON.stringify(value)}: expected P0 (first), P1, P2, P3 or P4 (last)`;
  issues.push({ path: "priority", message });
  return undefined;
}

/** The definition that would have this schedule. */
function asDefinition(wire: JsonObject): JsonObject {
  const policies = picked(wire, SCHEDULE_POLICIES);
  const metadata = { millrace: { schedule: policies } };
  return {
    document: { dsl: "1.0.0", namespace: "n", name: "n", version: "0.0.0", metadata },
    schedule: picked(wire, TRIGGER_NAMES),
    do: [{ nothing: { set: { x: 1 } } }],
  };
}

function picked(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

function definitionIssues(definition: JsonObject): readonly Issue[] {
  const structural = validateStructure(definition);
  return structural.length > 0 ? structural : compileChecked(definition).issues;
}

/** Where it stands in what the API was given. */
function issueOfWire({ path, message }: Issue): RuntimeIssue {
  const inside = path.replace(/^(?:document\.metadata\.millrace\.schedule|schedule)\.?/, "");
  return { path: inside, message };
}
