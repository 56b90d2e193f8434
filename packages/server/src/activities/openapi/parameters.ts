/**
 * Puts the call's parameters where the operation declares them, in the styles of OpenAPI ("Style Values") and Swagger 2.0
 * ("collectionFormat").
 */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";
import { FORM, isJson, mediaType } from "../http/message.ts";
import { addHeader, type EncodedBody, encodeBody } from "../http/request.ts";
import { encodeStrict, isDotSegment } from "../http/uri.ts";
import type { Operation, Parameter } from "./operation.ts";

export interface PlacedParameters {
  readonly path: string;
  /** Encoded `name=value` pairs. */
  readonly query: readonly string[];
  readonly headers: Record<string, string>;
  readonly body?: EncodedBody;
}

/**
 * @throws {ActivityFailure} `validation` for a required parameter that is missing, `configuration` for one that the
 *   operation does not have or that cannot be expressed
 */
export function placeParameters(operation: Operation, given: JsonObject): PlacedParameters {
  const values = given;
  const query: string[] = [];
  const cookies: string[] = [];
  const form: [string, string][] = [];
  const headers: Record<string, string> = {};
  const segments = new Map<string, string>();
  for (const parameter of operation.parameters) {
    const { name } = parameter;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === null || (value === "" && parameter.in === "path")) {
      if (parameter.required) throw missing(operation, name);
      continue;
    }
    const pairs = serialise(parameter, value);
    const joined = () => pairs.map(([, text]) => text).join(",");
    switch (parameter.in) {
      case "path":
        segments.set(name, pairs.map(([, text]) => encodeList(text)).join(","));
        break;
      case "query":
        query.push(...pairs.map(([key, text]) => `${encodeStrict(key)}=${encodeList(text)}`));
        break;
      case "header":
        addHeader(headers, name, joined(), "parameters");
        break;
      case "cookie":
        cookies.push(...pairs.map(([key, text]) => `${key}=${encodeStrict(text)}`));
        break;
      case "form":
        form.push(...pairs);
        break;
    }
  }
  if (cookies.length > 0) addHeader(headers, "cookie", cookies.join("; "), "parameters");
  const path = fillPath(operation, segments);
  const body = placeBody(operation, values, form);
  return { path, query, headers, ...(body === undefined ? {} : { body }) };
}

/** Commas separate items and stay as they are; commas inside an item have been encoded before. */
function encodeList(text: string): string {
  return text.split(SEPARATOR).map(encodeStrict).join(",");
}

/** Stands between items until they have been encoded one by one; cannot occur in a URI, a header or a form field. */
const SEPARATOR = "\u0000";

const DELIMITERS: Readonly<Record<string, string>> = {
  spaceDelimited: " ",
  pipeDelimited: "|",
  tabDelimited: "\t",
};

/** Name/value pairs, before encoding. */
function serialise(parameter: Parameter, value: Json): [string, string][] {
  const { name, style, explode, json } = parameter;
  if (json) return [[name, JSON.stringify(value)]];
  if (isScalar(value)) return [[name, String(value)]];
  const text = (item: Json | undefined): string => {
    if (item !== undefined && isScalar(item)) return String(item);
    throw badArgument(`parameters.${name}`, "must not be nested deeper than one level");
  };
  const inUri = parameter.in === "path" || parameter.in === "query";
  const delimiter = DELIMITERS[style] ?? (inUri ? SEPARATOR : ",");
  if (Array.isArray(value)) {
    const items = value.filter((item) => item !== null).map(text);
    return explode ? items.map((item) => [name, item]) : [[name, items.join(delimiter)]];
  }
  const entries = Object.entries(value as JsonObject).filter(([, item]) => item !== null);
  const pairs = entries.map(([key, item]): [string, string] => [key, text(item)]);
  if (style === "deepObject") return pairs.map(([key, item]) => [`${name}[${key}]`, item]);
  if (style === "simple" && explode)
    return [[name, pairs.map((pair) => pair.join("=")).join(delimiter)]];
  return explode ? pairs : [[name, pairs.flat().join(delimiter)]];
}

function fillPath({ path }: Operation, segments: ReadonlyMap<string, string>): string {
  return path
    .split("/")
    .map((segment) => {
      const filled = segment.replace(/\{([^{}]+)\}/g, (_, name: string) => {
        const value = segments.get(name);
        if (value !== undefined) return value;
        throw new ActivityFailure(
          "configuration",
          `The OpenAPI document does not declare path parameter ${name}.`,
        );
      });
      if (filled !== segment && isDotSegment(filled)) {
        throw badArgument("parameters", `${segment} gives a "." or ".." segment`);
      }
      return filled;
    })
    .join("/");
}

/**
 * The body is the parameter with its name; else, all parameters that are declared nowhere, as an object. Without a body such
 * parameters are most likely misspelt and refused.
 */
function placeBody(
  operation: Operation,
  values: JsonObject,
  form: readonly [string, string][],
): EncodedBody | undefined {
  const { body } = operation;
  const declared = new Set(operation.parameters.map(({ name }) => name));
  const free = Object.entries(values).filter(([name]) => !declared.has(name));
  if (form.length > 0) {
    assertKnown(operation, free);
    return { bytes: Buffer.from(new URLSearchParams([...form]).toString()), contentType: FORM };
  }
  if (body === undefined) {
    assertKnown(operation, free);
    return undefined;
  }
  const named = free.find(([name]) => name === body.name) ?? free.find(([name]) => name === "body");
  if (named !== undefined)
    assertKnown(
      operation,
      free.filter((entry) => entry !== named),
    );
  const value = named === undefined ? leftovers(free) : named[1];
  if (value === undefined || value === null) {
    if (body.required) throw missing(operation, body.name);
    return undefined;
  }
  return encodeBody(value, contentTypeFor(value, body.contentTypes));
}

function leftovers(free: readonly (readonly [string, Json])[]): Json | undefined {
  return free.length === 0 ? undefined : Object.fromEntries(free);
}

/** JSON where the operation takes it; for strings, whatever it takes first. */
function contentTypeFor(value: Json, accepted: readonly string[]): string {
  const json = accepted.find((type) => isJson(mediaType(type)));
  const form = accepted.find((type) => mediaType(type) === FORM);
  const concrete = accepted.find((type) => !type.includes("*"));
  if (isObject(value)) return json ?? form ?? concrete ?? "application/json";
  return json ?? concrete ?? "application/json";
}

function assertKnown(operation: Operation, free: readonly (readonly [string, Json])[]): void {
  const [name] = free[0] ?? [];
  if (name === undefined) return;
  throw badArgument(`parameters.${name}`, `operation ${operation.id} has no such parameter`);
}

function missing(operation: Operation, name: string): ActivityFailure {
  return new ActivityFailure(
    "validation",
    `with.parameters.${name}: required by operation ${operation.id}`,
  );
}
