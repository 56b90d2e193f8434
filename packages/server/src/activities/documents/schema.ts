/**
 * Takes a JSON schema out of a document so that it stands by itself: whatever it refers to, in this document or another, becomes
 * one of its `$defs`. Circles stay circles. What only later drafts spell differently is respelt (draft 7 → 2020-12), which is
 * what the validator of the language reads. Bounded by nodes and depth.
 */
import {
  compileSchema,
  isObject,
  type Json,
  type JsonObject,
  type Schema,
  SchemaError,
} from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import type { Located, Resolver } from "./resolver.ts";
import type { FetchedDocument } from "./source.ts";

/** Schemas, subschemas included, that one schema may bring along. */
const MAX_SCHEMAS = 10_000;
const MAX_DEPTH = 200;

/** Keywords by what they hold; all others are copied as they are, because a `$ref` in them means nothing. */
const SCHEMAS = new Set([
  "additionalProperties",
  "contains",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);
const LISTS = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const MAPS = new Set(["properties", "patternProperties", "dependentSchemas"]);
/** They say nothing about a value; `definitions` are looked up where something refers to them. */
const LEFT_OUT = new Set([
  "$defs",
  "$id",
  "$schema",
  "definitions",
  "default",
  "example",
  "examples",
]);

/** @throws {ActivityFailure} `configuration` when it is no schema that can be checked */
export async function schemaAt(resolver: Resolver, located: Located): Promise<Schema> {
  try {
    return compileSchema(await new Bundle(resolver).of(located));
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    const where = error.pointer === "" ? "" : ` (${error.pointer})`;
    const detail = `The document has a schema that cannot be used: ${error.message}${where}`;
    throw new ActivityFailure("configuration", detail);
  }
}

class Bundle {
  readonly #resolver: Resolver;
  /** Name among the `$defs` by the object referred to: documents are kept, so one schema is one object. */
  readonly #names = new Map<object, string>();
  readonly #definitions: Record<string, Json> = {};
  #count = 0;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  async of({ node, document }: Located): Promise<JsonObject | boolean> {
    const root = await this.#schema(node, document, 0);
    if (!isObject(root)) return root !== false;
    return { ...root, $defs: this.#definitions };
  }

  async #schema(node: Json, document: FetchedDocument, depth: number): Promise<Json> {
    if (!isObject(node)) return node;
    this.#count += 1;
    if (this.#count > MAX_SCHEMAS || depth > MAX_DEPTH) {
      const limit = this.#count > MAX_SCHEMAS ? `${MAX_SCHEMAS} schemas` : `${MAX_DEPTH} levels`;
      throw new SchemaError(`it has more than ${limit}`, "");
    }
    const reference = node["$ref"];
    // Before draft 2019-09, and in AsyncAPI still, nothing beside a reference counts.
    if (typeof reference === "string") return this.#reference(reference, document, depth);
    const copy: [string, Json][] = [];
    for (const [key, value] of Object.entries(modern(node))) {
      if (!LEFT_OUT.has(key))
        copy.push([key, await this.#keyword(key, value, document, depth + 1)]);
    }
    return Object.fromEntries(copy);
  }

  async #keyword(key: string, value: Json, from: FetchedDocument, depth: number): Promise<Json> {
    if (SCHEMAS.has(key)) return this.#schema(value, from, depth);
    if (LISTS.has(key) && Array.isArray(value)) {
      const items: Json[] = [];
      for (const item of value) items.push(await this.#schema(item as Json, from, depth));
      return items;
    }
    if (!MAPS.has(key) || !isObject(value)) return value;
    const entries: [string, Json][] = [];
    for (const [name, item] of Object.entries(value))
      entries.push([name, await this.#schema(item, from, depth)]);
    return Object.fromEntries(entries);
  }

  async #reference(reference: string, from: FetchedDocument, depth: number): Promise<Json> {
    const { node, document } = await this.#resolver.follow(reference, from);
    if (!isObject(node)) return node;
    let name = this.#names.get(node);
    if (name === undefined) {
      name = `d${this.#names.size}`;
      this.#names.set(node, name);
      this.#definitions[name] = await this.#schema(node, document, depth + 1);
    }
    return { $ref: `#/$defs/${name}` };
  }
}

/** Draft 7's tuples and dependencies as 2020-12 has them. */
function modern(schema: JsonObject): JsonObject {
  const { items, additionalItems, dependencies, ...rest } = schema;
  return {
    ...rest,
    ...(Array.isArray(items)
      ? { prefixItems: items, ...(additionalItems === undefined ? {} : { items: additionalItems }) }
      : items === undefined
        ? {}
        : { items }),
    ...(isObject(dependencies) ? dependenciesOf(dependencies) : {}),
  };
}

function dependenciesOf(dependencies: JsonObject): JsonObject {
  const entries = Object.entries(dependencies);
  return {
    dependentRequired: Object.fromEntries(entries.filter(([, value]) => Array.isArray(value))),
    dependentSchemas: Object.fromEntries(entries.filter(([, value]) => !Array.isArray(value))),
  };
}
