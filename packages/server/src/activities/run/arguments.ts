/** Reads the evaluated definition of a process. Expressions may have given anything, so every read checks. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { isScalar } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";

/** A configuration error that says which property of the process is wrong. */
export function badProperty(name: string, expected: string): ActivityFailure {
  return new ActivityFailure("configuration", `${name}: ${expected}`);
}

/** @throws {ActivityFailure} when it is neither a text nor absent */
export function textProperty(input: JsonObject, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw badProperty(name, "must be a text");
}

/** @throws {ActivityFailure} when it is no text or empty */
export function requiredText(input: JsonObject, name: string): string {
  const value = textProperty(input, name);
  if (value === undefined || value === "") throw badProperty(name, "required");
  return value;
}

/** Numbers and booleans are given to the process as they are written in JSON. */
export function argumentList(input: JsonObject): readonly string[] {
  const value = input["arguments"];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every(isScalar)) return value.map(String);
  throw badProperty("arguments", "must be a list of texts, numbers and booleans");
}

/** Values that are objects or lists are given as JSON; null leaves the variable out. */
export function environmentOf(input: JsonObject): Readonly<Record<string, string>> {
  const value = input["environment"];
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw badProperty("environment", "must be an object");
  const given = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(given.map(([name, each]) => [name, textOf(each)]));
}

/** Standard input: a text as it is, everything else as JSON; undefined when there is none. */
export function stdinOf(input: JsonObject): string | undefined {
  const value = input["stdin"];
  return value === undefined || value === null ? undefined : textOf(value);
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
