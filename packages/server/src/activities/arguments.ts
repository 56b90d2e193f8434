/** Reads the evaluated `with` of a call. Expressions may have given anything, so every read checks. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "./failure.ts";

export type Scalar = string | number | boolean;

/** What the DSL calls `endpoint`: an URI (template), optionally with an authentication policy. */
export interface Endpoint {
  readonly uri: string;
  readonly authentication?: JsonObject;
}

export type OutputFormat = "raw" | "content" | "response";

/** A configuration error that says which argument is wrong. */
export function badArgument(path: string, expected: string): ActivityFailure {
  return new ActivityFailure("configuration", `with.${path}: ${expected}`);
}

export function requiredString(input: JsonObject, key: string, path: string = key): string {
  const value = input[key];
  if (typeof value === "string" && value !== "") return value;
  throw badArgument(path, value === undefined ? "required" : "must be a non-empty string");
}

export function optionalString(
  input: JsonObject,
  key: string,
  path: string = key,
): string | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw badArgument(path, "must be a string");
}

export function optionalObject(
  input: JsonObject,
  key: string,
  path: string = key,
): JsonObject | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  throw badArgument(path, "must be an object");
}

export function optionalBoolean(input: JsonObject, key: string): boolean | undefined {
  const value = input[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw badArgument(key, "must be true or false");
}

/** A list of strings; a single string counts as a list of one. */
export function stringList(input: JsonObject, key: string, path: string): readonly string[] {
  const value = input[key];
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw badArgument(path, "must be a list of strings");
}

export function endpointOf(value: Json | undefined, path: string): Endpoint {
  if (typeof value === "string" && value !== "") return { uri: value };
  if (!isObject(value)) {
    throw badArgument(path, value === undefined ? "required" : "must be a URI or an endpoint");
  }
  const uri = requiredString(value, "uri", `${path}.uri`);
  const authentication = optionalObject(value, "authentication", `${path}.authentication`);
  return authentication === undefined ? { uri } : { uri, authentication };
}

export function outputFormat(input: JsonObject): OutputFormat {
  const value = optionalString(input, "output") ?? "content";
  if (value === "raw" || value === "content" || value === "response") return value;
  throw badArgument("output", "must be raw, content or response");
}

export function isScalar(value: Json | undefined): value is Scalar {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
