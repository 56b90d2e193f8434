/** Reads values of AsyncAPI bindings. What a document says is checked here, where it is used. */
import type { Json, JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";

type Level = "server" | "channel" | "operation" | "message";

/** One level's binding, for messages: `mqtt operation binding`. */
export interface Binding {
  readonly level: Level;
  readonly protocol: string;
  readonly values: JsonObject;
}

export function stringOf(binding: Binding, name: string): string | undefined {
  const value = binding.values[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw wrong(binding, name, "a string");
}

export function booleanOf(binding: Binding, name: string): boolean | undefined {
  const value = binding.values[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw wrong(binding, name, "true or false");
}

/** A whole number from `least` to `most`. A schema with one value (MQTT and Kafka allow both) counts as that value. */
export function integerOf(
  binding: Binding,
  name: string,
  least = 0,
  most = 0xffff_ffff,
): number | undefined {
  const value = constantOf(binding.values[name]);
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most)
    return value;
  throw wrong(binding, name, `a whole number from ${least} to ${most}`);
}

/** A string, or a schema that permits one string. A schema that permits more says nothing: undefined. */
export function constantStringOf(binding: Binding, name: string): string | undefined {
  const value = constantOf(binding.values[name]);
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw wrong(binding, name, "a string, or a schema of one");
}

/** An object inside of a binding, as a binding: `exchange` of AMQP. */
export function innerOf(binding: Binding, name: string): Binding {
  const value = binding.values[name];
  if (value === undefined || value === null) return { ...binding, values: {} };
  if (isObject(value)) return { ...binding, values: value };
  throw wrong(binding, name, "an object");
}

/** Strings, or one string. */
export function stringsOf(binding: Binding, name: string): readonly string[] {
  const value = binding.values[name];
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.every((item) => typeof item === "string")) return list;
  throw wrong(binding, name, "strings");
}

export function wrong(
  { level, protocol }: Binding,
  name: string,
  expected: string,
): ActivityFailure {
  const detail = `${name} of the ${protocol} ${level} binding has to be ${expected}`;
  return new ActivityFailure("configuration", detail);
}

function constantOf(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value;
  if (value.const !== undefined) return value.const;
  const { enum: values } = value;
  return Array.isArray(values) && values.length === 1 ? values[0] : value.default;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
