/** `call`: a built-in protocol, a function, or something this engine does not run yet (DSL reference "Call"). */
import { isObject, type JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import type { SubscribeNode, TaskBase, TaskNode, Template } from "../program.ts";
import { type Protocol, protocols } from "../schema/calls.ts";
import { withPolicies } from "./authentication.ts";
import { compileDuration } from "./durations.ts";
import { compileIterator } from "./events.ts";
import { externalFunction } from "./externals.ts";
import { compileExternalFunction, compileFunction } from "./functions.ts";
import { asObject, asText, down, given, type Place, report, withVariables } from "./place.ts";
import { conditionOf } from "./expression.ts";
import { compileObject, compileTemplate, endpointPart, objectWith } from "./template.ts";
import { compileWorkerCall, WORKER } from "./worker-call.ts";

/** Where each protocol's arguments may name an authentication policy. */
const POLICIES: Readonly<Record<Protocol, readonly (readonly string[])[]>> = {
  http: [["endpoint", "authentication"]],
  openapi: [["authentication"], ["document", "endpoint", "authentication"]],
  asyncapi: [["authentication"], ["document", "endpoint", "authentication"]],
  grpc: [
    ["service", "authentication"],
    ["proto", "endpoint", "authentication"],
  ],
  mcp: [["transport", "http", "endpoint", "authentication"]],
  a2a: [
    ["server", "authentication"],
    ["agentCard", "endpoint", "authentication"],
  ],
};

export function compileCall(task: JsonObject, common: TaskBase, place: Place): TaskNode {
  const call = asText(task.call);
  const written = asObject(task.with);
  const at = down(place, "with");
  if (isProtocol(call)) return compileProtocol(call, written, common, at);
  // A function of this name was there first.
  if (call === WORKER && !Object.hasOwn(asObject(place.of.use.functions), WORKER))
    return compileWorkerCall(task.with, common, at);
  const template = compileTemplate(written, at);
  const body = functionTask(call, place);
  if (body === undefined) return { ...common, kind: "unsupported", feature: `call ${call}` };
  return { ...common, kind: "function", function: call, arguments: template, task: body };
}

function isProtocol(call: string): call is Protocol {
  return (protocols as readonly string[]).includes(call);
}

function compileProtocol(
  call: Protocol,
  written: JsonObject,
  common: TaskBase,
  place: Place,
): TaskNode {
  const resolved = withPolicies(written, POLICIES[call], place);
  const subscription = call === "asyncapi" ? written.subscription : undefined;
  const template = compileObject(
    subscription === undefined ? resolved : { ...resolved, subscription: {} },
    { ...place, defers: true },
    ENDPOINTS,
  );
  checkAuthorization(template, POLICIES[call], place);
  if (isObject(subscription ?? null))
    return compileSubscription(asObject(subscription), template, common, place);
  return { ...common, kind: "call", call, with: template };
}

/** A policy cannot be made of the authorization that it gives. */
function checkAuthorization(
  { deferred = [] }: Template,
  policies: readonly (readonly string[])[],
  place: Place,
): void {
  for (const { path, uses } of deferred) {
    const inPolicy = policies.some((policy) => policy.every((step, at) => path[at] === step));
    if (!inPolicy || !uses.includes("authorization")) continue;
    const message = "$authorization is what the policy gives: it cannot be used inside one";
    report(down(place, ...path), "variable", message);
  }
}

/** The conditions and tasks of a subscription are per message, so they are no template. */
function compileSubscription(
  subscription: JsonObject,
  template: Template,
  common: TaskBase,
  place: Place,
): SubscribeNode {
  const at = down(place, "subscription");
  const consume = asObject(subscription.consume);
  const within = down(at, "consume");
  const { amount, for: period } = consume;
  const foreach = compileIterator(subscription.foreach, down(at, "foreach"));
  const inside = foreach === undefined ? within : withVariables(within, foreach.item, foreach.at);
  return {
    ...common,
    kind: "subscribe",
    call: "asyncapi",
    with: template,
    ...given("filter", conditionOf(subscription, "filter", at)),
    consume: {
      ...(typeof amount === "number" ? { amount } : {}),
      ...(period === undefined ? {} : { for: compileDuration(period, down(within, "for")) }),
      ...given("while", conditionOf(consume, "while", inside)),
      ...given("until", conditionOf(consume, "until", within)),
    },
    ...given("foreach", foreach),
  };
}

/** The arguments of calls that are endpoints. */
const HOLDER = objectWith({ endpoint: endpointPart });
const ENDPOINTS = {
  endpoint: endpointPart,
  document: HOLDER,
  proto: HOLDER,
  server: endpointPart,
  agentCard: HOLDER,
  transport: objectWith({ http: HOLDER }),
};

/** The task of a function: one of `use.functions`, or from outside; `undefined` for what cannot be run. */
function functionTask(call: string, place: Place): TaskNode | undefined {
  const at = down(place, "call");
  const functions = asObject(place.of.use.functions);
  if (Object.hasOwn(functions, call)) return compileFunction(call, functions[call] ?? null, place);
  const found = externalFunction(call, at);
  if (found === undefined) {
    const hint = suggestion(call, [...Object.keys(functions), ...protocols, WORKER]);
    const kinds = `a protocol (${protocols.join(", ")}), ${WORKER}, a function of use.functions, name:version@catalog, or a URL`;
    report(at, "reference", `unknown function "${call}"${hint}; expected ${kinds}`);
  }
  if (typeof found !== "object") return undefined;
  return compileExternalFunction(call, found.content, place);
}
