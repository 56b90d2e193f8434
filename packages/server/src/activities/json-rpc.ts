/** What the calls that speak JSON-RPC 2.0 share: MCP and A2A. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument } from "./arguments.ts";

const LONGEST_TEXT = 300;

/** What a server says of an error, on one line and cut: it becomes part of the instance's history. */
export function brief(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line;
}

/** The evaluated `parameters` of a call. */
export function parametersOf(value: Json | undefined): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  throw badArgument("parameters", "must be an object, or an expression that gives one");
}
