/** `call`: a built-in protocol, a function of `use.functions`, or one we cannot run yet (DSL reference "Call"). */
import { escapePointer } from "../issue.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { CallNode, TaskBase, TaskNode } from "../program.ts";
import type { Compilation } from "./compile.ts";
import { asObject, asText, STANDARD_VARIABLES } from "./expression.ts";
import { compileTask } from "./tasks.ts";

const PROTOCOLS: ReadonlySet<string> = new Set([
  "http",
  "openapi",
  "grpc",
  "asyncapi",
  "mcp",
  "a2a",
]);

export function compileCall(
  task: JsonObject,
  common: TaskBase,
  compilation: Compilation,
  variables: readonly string[],
): TaskNode {
  const { expressions, use } = compilation;
  const call = asText(task.call);
  const written = asObject(task.with);
  if (PROTOCOLS.has(call)) {
    const resolved = withPolicies(written, asObject(use.authentications));
    return {
      ...common,
      kind: "call",
      call: call as CallNode["call"],
      with: expressions.template(resolved, variables),
    };
  }
  const definition = asObject(use.functions)[call];
  if (!isObject(definition)) return { ...common, kind: "unsupported", feature: `call ${call}` };
  return {
    ...common,
    kind: "function",
    function: call,
    arguments: expressions.template(written, variables),
    task: compileFunction(call, definition, compilation),
  };
}

/** A function is compiled once, however often it is called. */
function compileFunction(name: string, definition: JsonObject, compilation: Compilation): TaskNode {
  if (compilation.calling.includes(name))
    throw new Error(`the function ${[...compilation.calling, name].join(" → ")} calls itself`);
  const reference = `/use/functions/${escapePointer(name)}`;
  const known = compilation.nodes.get(reference);
  if (known !== undefined) return known;
  const inside: Compilation = { ...compilation, calling: [...compilation.calling, name] };
  return compileTask(name, definition, reference, [], inside, STANDARD_VARIABLES);
}

/** Replaces every `authentication: { use: name }`, at any depth, by the policy it names. */
function withPolicies(value: Json, policies: JsonObject): Json {
  if (Array.isArray(value)) return value.map((item: Json) => withPolicies(item, policies));
  if (!isObject(value)) return value;
  const result: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value))
    result[key] =
      key === "authentication" ? policyOf(item, policies) : withPolicies(item, policies);
  return result;
}

function policyOf(value: Json, policies: JsonObject): Json {
  const name = typeof value === "string" ? value : asObject(value).use;
  return typeof name === "string" ? (policies[name] ?? value) : value;
}
