/** Puts the call's parameters where the operation declares them. */
import type { Json, JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";
import { FORM } from "../http/message.ts";
import { addHeader, type EncodedBody } from "../http/request.ts";
import { encodeStrict, isDotSegment } from "../http/uri.ts";
import { encodeMedia, multipart } from "./body.ts";
import type { MediaDeclaration, Operation, Parameter } from "./declarations.ts";
import { pathText, plainPairs, queryPairs } from "./styles.ts";

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
  const query: string[] = [];
  const cookies: string[] = [];
  const form: [string, Json][] = [];
  const headers: Record<string, string> = {};
  const segments = new Map<string, string>();
  for (const parameter of operation.parameters) {
    const { name } = parameter;
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined || value === null || (parameter.in === "path" && isEmpty(value))) {
      if (parameter.required) throw missing(operation, name);
      continue;
    }
    switch (parameter.in) {
      case "path":
        segments.set(name, pathText(parameter, value));
        break;
      case "query":
        query.push(...queryPairs(parameter, value));
        break;
      case "header":
        for (const [, text] of plainPairs(parameter, value))
          addHeader(headers, name, text, "parameters");
        break;
      case "cookie":
        for (const [key, text] of plainPairs(parameter, value))
          cookies.push(`${key}=${encodeStrict(text)}`);
        break;
      case "form":
        form.push(...formFields(parameter, value));
        break;
    }
  }
  if (cookies.length > 0) addHeader(headers, "cookie", cookies.join("; "), "parameters");
  const path = fillPath(operation, segments);
  const body = placeBody(operation, given, form);
  return { path, query, headers, ...(body === undefined ? {} : { body }) };
}

/** What would leave a path without its segment. */
function isEmpty(value: Json): boolean {
  return value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
}

/** Fields of Swagger's `formData`; a file's is the file itself, a text being its content. */
function formFields(parameter: Parameter, value: Json): readonly [string, Json][] {
  const { name, file } = parameter;
  if (file !== true) return plainPairs(parameter, value).map(([key, text]) => [key, text]);
  return [[name, isScalar(value) ? { text: String(value) } : value]];
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
  form: readonly [string, Json][],
): EncodedBody | undefined {
  const { body } = operation;
  const declared = new Set(operation.parameters.map(({ name }) => name));
  const free = Object.entries(values).filter(([name]) => !declared.has(name));
  if (form.length > 0) {
    assertKnown(operation, free);
    return encodeForm(form, body?.media[0]);
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
  return encodeMedia(value, body.media);
}

function leftovers(free: readonly (readonly [string, Json])[]): Json | undefined {
  return free.length === 0 ? undefined : Object.fromEntries(free);
}

function encodeForm(
  form: readonly [string, Json][],
  media: MediaDeclaration | undefined,
): EncodedBody {
  if (media?.type === "multipart/form-data") {
    const fields = new Map<string, Json[]>();
    for (const [name, value] of form) fields.set(name, [...(fields.get(name) ?? []), value]);
    return multipart(Object.fromEntries(fields), media);
  }
  const pairs = form.map(([name, value]): [string, string] => [
    name,
    isScalar(value) ? String(value) : JSON.stringify(value),
  ]);
  return { bytes: Buffer.from(new URLSearchParams(pairs).toString()), contentType: FORM };
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
