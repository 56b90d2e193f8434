/** Which properties of a JSON Schema some values exercise: told by walking both together. */
import assert from "node:assert/strict";
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const ID = "https://millrace.test/schema";

export class SchemaCoverage {
  /** JSON Pointers of the properties seen, such as `/$defs/forTask/properties/while`. */
  readonly seen = new Set<string>();
  readonly #schema: Json;
  readonly #ajv: Ajv2020;

  constructor(schema: JsonObject) {
    const { $id: _, ...rest } = schema;
    this.#schema = rest;
    this.#ajv = new Ajv2020({ strict: false, validateSchema: false });
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ ...rest, $id: ID });
  }

  /** Pointers of all properties that the schema has. */
  all(): readonly string[] {
    const found: string[] = [];
    const visit = (schema: Json | undefined, pointer: string): void => {
      if (Array.isArray(schema)) {
        for (const [index, each] of schema.entries()) visit(each as Json, `${pointer}/${index}`);
      } else if (schema !== undefined && isObject(schema)) {
        for (const [keyword, each] of Object.entries(schema)) {
          // Conditions only tell where something else holds.
          if (["if", "not", "const", "enum", "default"].includes(keyword)) continue;
          if (keyword === "properties") {
            for (const name of Object.keys(each as JsonObject))
              found.push(`${pointer}/properties/${name}`);
          }
          visit(each, `${pointer}/${keyword}`);
        }
      }
    };
    visit(this.#schema, "");
    return found;
  }

  /** Marks what a valid value exercises. */
  add(value: Json): void {
    assert.ok(this.#fits("", value), JSON.stringify(value));
    this.#walk("", value);
  }

  #walk(pointer: string, value: Json): void {
    const schema = this.#at(pointer);
    if (!isObject(schema)) return;
    if (typeof schema.$ref === "string") this.#walk(schema.$ref.slice(1), value);
    for (const index of asList(schema.allOf).keys()) this.#walk(`${pointer}/allOf/${index}`, value);
    for (const keyword of ["oneOf", "anyOf"] as const) {
      for (const index of asList(schema[keyword]).keys()) {
        const branch = `${pointer}/${keyword}/${index}`;
        if (this.#fits(branch, value)) this.#walk(branch, value);
      }
    }
    if (schema.if !== undefined) {
      const branch = this.#fits(`${pointer}/if`, value) ? "then" : "else";
      if (schema[branch] !== undefined) this.#walk(`${pointer}/${branch}`, value);
    }
    if (Array.isArray(value)) {
      for (const each of value as readonly Json[]) this.#walk(`${pointer}/items`, each);
    } else if (isObject(value)) this.#object(pointer, schema, value);
  }

  #object(pointer: string, schema: JsonObject, value: JsonObject): void {
    const properties = schema.properties;
    for (const [name, each] of Object.entries(value)) {
      const own = `${pointer}/properties/${name}`;
      if (properties !== undefined && isObject(properties) && Object.hasOwn(properties, name)) {
        this.seen.add(own);
        this.#walk(own, each);
      } else this.#walk(`${pointer}/additionalProperties`, each);
    }
  }

  #at(pointer: string): Json {
    let schema: Json = this.#schema;
    for (const token of pointer.split("/").slice(1))
      schema =
        (isObject(schema) || Array.isArray(schema) ? (schema as JsonObject)[token] : null) ?? null;
    return schema;
  }

  #fits(pointer: string, value: Json): boolean {
    const $ref = `${ID}#${pointer}`;
    return (this.#ajv.getSchema($ref) ?? this.#ajv.compile({ $ref }))(value) as boolean;
  }
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
