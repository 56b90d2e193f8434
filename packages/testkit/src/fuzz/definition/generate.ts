/** Values that a JSON Schema describes: mostly valid, of every form that the schema allows. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import type { Random } from "../random.ts";
import { ODD_STRINGS, oddJson, oddString } from "../values.ts";

/** Strings that pass one pattern or format of the language or another. */
const WORDS: readonly string[] = [
  "a",
  "order",
  "other",
  "end",
  "exit",
  "continue",
  "1.0.0",
  "1.2.3-rc.1+x",
  "PT1S",
  "P1DT2H",
  "P1W",
  "${ .a }",
  "${ $context.a }",
  "${ . == 1 }",
  ".a",
  ". + 1",
  "true",
  "/a/b",
  "",
  "https://x.example/a",
  "https://x.example/{id}",
  "urn:a",
  "2026-01-01T00:00:00Z",
  "* * * * *",
  ...ODD_STRINGS,
];

export class Generator {
  readonly #root: JsonObject;
  readonly #random: Random;
  /** Texts of the pool by the constraint they pass. */
  readonly #pools = new Map<string, readonly string[]>();

  constructor(root: JsonObject, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  /** @param depth levels of named types (tasks in tasks) still allowed */
  value(schema: JsonObject, depth: number): Json {
    if (schema["const"] !== undefined) return schema["const"];
    const reference = schema["$ref"];
    if (typeof reference === "string") return this.#named(reference, depth);
    const options = schema["oneOf"] ?? schema["anyOf"];
    if (Array.isArray(options)) {
      return this.value(this.#random.pick(options as readonly JsonObject[]), depth);
    }
    switch (schema["type"]) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return this.#array(schema, depth);
      case "string":
        return this.#string(schema);
      case "integer":
        return this.#integer(schema);
      case "boolean":
        return this.#random.chance(0.5);
      default:
        return oddJson(this.#random, 2);
    }
  }

  #named(reference: string, depth: number): Json {
    if (depth <= 0 && reference.endsWith("/task")) return { set: { a: this.#random.below(9) } };
    let target: Json = this.#root;
    for (const step of reference.split("/").slice(1)) target = (target as JsonObject)[step] ?? null;
    return this.value(target as JsonObject, depth - 1);
  }

  #object(schema: JsonObject, depth: number): Json {
    const random = this.#random;
    const required = new Set((schema["required"] ?? []) as readonly string[]);
    for (const rule of (schema["allOf"] ?? []) as readonly JsonObject[]) {
      const choices = rule["oneOf"] as readonly { required: readonly string[] }[] | undefined;
      if (choices !== undefined) required.add(random.pick(choices).required[0] as string);
    }
    const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonObject>>;
    const least = Number(schema["minProperties"] ?? 0);
    const names = Object.keys(properties);
    const chosen = names.filter((name) => required.has(name) || random.chance(0.2));
    if (chosen.length < least && names.length > 0) chosen.push(random.pick(names));
    const made: [string, Json][] = chosen.map((name) => [
      name,
      this.value(properties[name] as JsonObject, depth),
    ]);
    const others = schema["additionalProperties"];
    if (isObject(others ?? null)) {
      const most = Number(schema["maxProperties"] ?? 4);
      const count = Math.max(least, Math.min(most, random.small(3)));
      for (let n = 0; n < count; n += 1) {
        made.push([this.#name(n), this.value(others as JsonObject, depth)]);
      }
    }
    return Object.fromEntries(made);
  }

  #name(n: number): string {
    return this.#random.chance(0.9) ? `n${n}` : oddString(this.#random, 30).slice(0, 60);
  }

  #array(schema: JsonObject, depth: number): Json {
    const length = Math.max(Number(schema["minItems"] ?? 0), this.#random.small(3));
    return this.#random.list(length, () => this.value(schema["items"] as JsonObject, depth));
  }

  #integer({ minimum, maximum }: JsonObject): number {
    const least = typeof minimum === "number" ? minimum : -5;
    const most = typeof maximum === "number" ? maximum : 100_000;
    return this.#random.pick([least, most, least + this.#random.below(most - least + 1)]);
  }

  #string(schema: JsonObject): string {
    const { enum: values, pattern } = schema;
    if (Array.isArray(values)) return this.#random.pick(values as readonly string[]);
    if (pattern === undefined && this.#random.chance(0.1)) return oddString(this.#random);
    const name = JSON.stringify(schema);
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      const passes = typeof pattern === "string" ? new RegExp(pattern, "u") : /^/;
      pool = WORDS.filter((word) => passes.test(word));
      this.#pools.set(name, pool);
    }
    return pool.length === 0 ? "a" : this.#random.pick(pool);
  }
}
