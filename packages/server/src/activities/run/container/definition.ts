/** `run: container` as it is written and evaluated, read and checked (DSL reference "Container Process"). */
import { isObject, type JsonObject, parseDuration } from "@millrace/language";
import { isScalar } from "../../arguments.ts";
import {
  argumentList,
  badProperty,
  environmentOf,
  requiredText,
  stdinOf,
  textProperty,
} from "../arguments.ts";

export interface ContainerDefinition {
  readonly image: string;
  readonly name?: string;
  /** Run by the container's shell. */
  readonly command?: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly ports: readonly (readonly [host: number, container: number])[];
  readonly volumes: readonly (readonly [source: string, target: string])[];
  readonly pullPolicy: "ifNotPresent" | "always" | "never";
  readonly cleanup: Cleanup;
}

/** What becomes of the container when it has ended; `after` in milliseconds. */
export type Cleanup =
  | { readonly policy: "always" | "never" }
  | { readonly policy: "eventually"; readonly after: number };

/** Reference of an image: what registries allow, so never an option. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** @throws {ActivityFailure} `configuration`, naming the property */
export function containerOf(input: JsonObject): ContainerDefinition {
  const image = requiredText(input, "image");
  if (!IMAGE.test(image))
    throw badProperty("image", `${JSON.stringify(image)} is no name of an image`);
  const name = textProperty(input, "name");
  if (name !== undefined && !NAME.test(name))
    throw badProperty(
      "name",
      "must consist of letters, digits, _, . and -, at most 128 of them, a letter or digit first",
    );
  const command = textProperty(input, "command");
  const stdin = stdinOf(input);
  return {
    image,
    ...(name === undefined ? {} : { name }),
    ...(command === undefined ? {} : { command }),
    ...(stdin === undefined ? {} : { stdin }),
    arguments: argumentList(input),
    environment: environmentOf(input),
    ports: mapping(input, "ports").map(([host, container]) => [port(host), port(container)]),
    volumes: mapping(input, "volumes"),
    pullPolicy: pullPolicyOf(input),
    cleanup: cleanupOf(input),
  };
}

function mapping(
  input: JsonObject,
  name: "ports" | "volumes",
): readonly (readonly [string, string])[] {
  const value = input[name];
  if (value === undefined || value === null) return [];
  if (!isObject(value)) throw badProperty(name, "must be an object");
  return Object.entries(value).map(([from, to]) => {
    if (!isScalar(to)) throw badProperty(`${name}.${from}`, "must be a text or a number");
    return [from, String(to)];
  });
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value >= 1 && value <= 65_535) return value;
  throw badProperty("ports", `${JSON.stringify(text)} is no port`);
}

function pullPolicyOf(input: JsonObject): ContainerDefinition["pullPolicy"] {
  const value = textProperty(input, "pullPolicy") ?? "ifNotPresent";
  if (value === "ifNotPresent" || value === "always" || value === "never") return value;
  throw badProperty("pullPolicy", "must be ifNotPresent, always or never");
}

function cleanupOf({ lifetime }: JsonObject): Cleanup {
  if (lifetime === undefined || lifetime === null) return { policy: "never" };
  if (!isObject(lifetime)) throw badProperty("lifetime", "must be an object");
  const { cleanup } = lifetime;
  if (cleanup === "always" || cleanup === "never") return { policy: cleanup };
  if (cleanup !== "eventually")
    throw badProperty("lifetime.cleanup", "must be always, never or eventually");
  try {
    return { policy: "eventually", after: parseDuration(lifetime["after"]) };
  } catch (error) {
    throw badProperty("lifetime.after", (error as Error).message);
  }
}
