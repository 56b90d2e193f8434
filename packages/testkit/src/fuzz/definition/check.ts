/** A definition through the validator: the verdict of the JSON Schemas, issues that point into the document. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  formatIssue,
  type Issue,
  isObject,
  type Json,
  load,
  parseYaml,
  validate,
  validateStructure,
  workflowSchema,
} from "@millrace/language";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Verdict } from "../campaign.ts";
import { issueFault } from "../yaml/check.ts";

type Accepts = (value: Json) => boolean;

function accepts(schema: object): Accepts {
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  addFormats.default(ajv);
  // Its pattern lets quotation marks pass, which RFC 3986 has nowhere.
  const loose = addFormats.default.get("uri-reference") as RegExp;
  ajv.addFormat("uri-reference", (text) => loose.test(text) && !text.includes('"'));
  const check = ajv.compile(schema);
  return (value) => check(value);
}

/** The schemas to agree with, by name: the one printed for editors, and the official one where it is at hand. */
function judges(): ReadonlyMap<string, Accepts> {
  const found = new Map([["the schema for editors", accepts(workflowSchema())]]);
  const official = join(process.env["MILLRACE_SPEC_DIR"] ?? "/nowhere", "workflow.schema.yaml");
  if (existsSync(official)) {
    const { value } = parseYaml(readFileSync(official, "utf8"));
    found.set("the official schema", accepts(value as object));
  }
  return found;
}
let known: ReadonlyMap<string, Accepts> | undefined;

/** @param input `{ definition }` */
export function checkDefinition(input: Json): Verdict {
  if (!isObject(input) || input["definition"] === undefined) return { outcome: "no case" };
  const { definition } = input;
  const structural = validateStructure(definition);
  known ??= judges();
  for (const [name, judge] of known) {
    const expected = judge(definition);
    if (expected === (structural.length === 0)) continue;
    if (expected && namesInherited(definition)) continue;
    const kind = `${name} ${expected ? "accepts" : "refuses"}, we ${expected ? "refuse" : "accept"}`;
    return { outcome: "disagreement", problem: { kind, detail: listed(structural) } };
  }
  const issues = structural.length > 0 ? structural : validate(definition);
  const outcome = verdictName(structural, issues);
  for (const issue of issues) {
    const fault = issueFault(issue, []) ?? pointerFault(definition, issue);
    if (fault !== undefined)
      return { outcome, problem: { kind: fault, detail: `${issue.pointer}: ${issue.message}` } };
  }
  return { outcome, ...textFault(definition, issues) };
}

/** Ajv takes a property for evaluated when every object inherits one of its name (`toString`). */
function namesInherited(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(
    ([name, inner]) => name in Object.prototype || namesInherited(inner),
  );
}

function verdictName(structural: readonly Issue[], issues: readonly Issue[]): string {
  if (issues.length === 0) return "valid";
  return structural.length > 0 ? `shape: ${issues[0]?.code}` : `meaning: ${issues[0]?.code}`;
}

/** What is missing is pointed at where it should be; everything else is there. */
function pointerFault(definition: Json, { pointer, code }: Issue): string | undefined {
  const tokens = pointer.split("/").slice(1);
  let value: Json | undefined = definition;
  for (const [index, token] of tokens.entries()) {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    const inside: boolean =
      typeof value === "object" && value !== null && Object.hasOwn(value, name);
    if (!inside) {
      const missing = code === "required" && index === tokens.length - 1;
      return missing ? undefined : "a pointer that leads nowhere";
    }
    value = (value as Readonly<Record<string, Json>>)[name];
  }
  return undefined;
}

/** The same definition as text gives the same verdict, unless the text is more than the front door takes. */
function textFault(definition: Json, issues: readonly Issue[]): Pick<Verdict, "problem"> {
  const text = JSON.stringify(definition);
  const loaded = load(text);
  const found = loaded.ok ? [] : loaded.issues;
  const refusedText = found.some(({ code }) => ["limit", "yaml", "duplicate-key"].includes(code));
  if (refusedText) return {};
  if (loaded.ok === (issues.length === 0)) return {};
  const detail = `as a value: ${listed(issues)}\nas text: ${listed(found)}`;
  return { problem: { kind: "another verdict for the same definition as text", detail } };
}

function listed(issues: readonly Issue[]): string {
  if (issues.length === 0) return "valid";
  return issues
    .slice(0, 5)
    .map((issue) => formatIssue(issue).slice(0, 300))
    .join("\n");
}
