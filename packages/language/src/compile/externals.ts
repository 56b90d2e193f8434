/** Finds what a definition takes from outside among what the host has fetched, or notes that it is missing. */
import { type ExternalPlace, type FixedEndpoint, parseFunctionName } from "../external.ts";
import { isObject, type Json } from "../json.ts";
import type { Template } from "../program.ts";
import { withPolicies } from "./authentication.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";
import { compileTemplate } from "./template.ts";
import { lookUp } from "./use.ts";

/** What is there for an id: its content, nothing yet, or nothing ever (which has been reported). */
export type Found = { readonly content: Json } | "missing" | "failed";

/** A function called by URL or from a catalog; `undefined` for any other name. */
export function externalFunction(call: string, place: Place): Found | undefined {
  const id = `function ${call}`;
  if (/^https?:\/\//i.test(call)) {
    if (!isFixed(call)) return badAddress(call, place);
    return find(id, "function", { kind: "url", endpoint: { url: call } }, place);
  }
  const parsed = parseFunctionName(call);
  if (parsed === undefined) return undefined;
  const { name, version, catalog } = parsed;
  const defined = Object.hasOwn(asObject(place.of.use.catalogs), catalog);
  if (catalog === "default" && !defined)
    return find(id, "function", { kind: "default", name, version }, place);
  const used = lookUp("catalogs", catalog, place);
  if (used === undefined) return "failed";
  const endpoint = endpointOf(asObject(used.value).endpoint, down(used.place, "endpoint"));
  if (endpoint === undefined) return "failed";
  return find(id, "function", { kind: "catalog", endpoint, name, version }, place);
}

/** The document of a schema's `resource`. */
export function externalSchema(resource: Json, place: Place): Found {
  const endpoint = endpointOf(asObject(resource).endpoint, down(place, "endpoint"));
  if (endpoint === undefined) return "failed";
  return find(`schema ${endpoint.url}`, "schema", { kind: "url", endpoint }, place);
}

function find(id: string, kind: "function" | "schema", from: ExternalPlace, place: Place): Found {
  const { resources, failures, missing, outside } = place.of;
  if (Object.hasOwn(resources, id)) return { content: resources[id] ?? null };
  if (Object.hasOwn(failures, id)) {
    report(place, "external", `${id}: ${failures[id]}`);
    return "failed";
  }
  if (!missing.has(id)) missing.set(id, { id, kind, from, depth: outside });
  return "missing";
}

/** A fixed address: it is fetched when the workflow is applied, when there is no data yet. */
function endpointOf(endpoint: Json | undefined, place: Place): FixedEndpoint | undefined {
  const url = asText(isObject(endpoint ?? null) ? asObject(endpoint).uri : endpoint);
  if (!isFixed(url)) {
    badAddress(url, place);
    return undefined;
  }
  return { url, ...given("authentication", policyOf(asObject(endpoint), place)) };
}

function isFixed(url: string): boolean {
  return /^https?:\/\/[^\s{}/]+[^\s{}]*$/i.test(url);
}

function badAddress(url: string, place: Place): "failed" {
  const message = `expected a fixed http: or https: address, for it is fetched when the workflow is applied; got "${url}"`;
  report(place, "value", message);
  return "failed";
}

function policyOf(endpoint: Readonly<Record<string, Json>>, place: Place): Template | undefined {
  if (endpoint.authentication === undefined) return undefined;
  const { authentication } = withPolicies(endpoint, [["authentication"]], place);
  const at: Place = {
    ...down(place, "authentication"),
    defers: true,
    variables: place.of.outside > 0 ? [] : ["secrets"],
  };
  return compileTemplate(authentication ?? null, at);
}
