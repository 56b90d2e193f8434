/** The JSON Schema validator of users' data, against ajv. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "@millrace/language";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { compileSchema, SchemaError } from "../src/jsonschema/index.ts";
import { random } from "./mutate.ts";

const tree = {
  $defs: {
    node: { type: "object", properties: { next: { $ref: "#/$defs/node" } }, required: ["v"] },
  },
  $ref: "#/$defs/node",
};
const closed = {
  allOf: [{ properties: { a: { type: "integer" } } }],
  anyOf: [{ properties: { b: true }, required: ["b"] }, { properties: { c: true } }],
  if: { required: ["a"] },
  then: { properties: { d: true } },
  unevaluatedProperties: false,
};
const SCHEMAS: readonly (object | boolean)[] = [
  true,
  false,
  { type: ["string", "null"] },
  { type: "integer", minimum: 0, exclusiveMaximum: 10, multipleOf: 2 },
  { type: "number", multipleOf: 0.1 },
  { type: "string", minLength: 1, maxLength: 3, pattern: "^[a-z]+$" },
  { enum: [1, "a", { a: 1 }, [1], null] },
  { const: { a: [1, { b: 2 }] } },
  {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  },
  { patternProperties: { "^x": { type: "number" } }, additionalProperties: { type: "string" } },
  { propertyNames: { maxLength: 1 }, minProperties: 1, maxProperties: 2 },
  { dependentRequired: { a: ["b"] }, dependentSchemas: { c: { required: ["a"] } } },
  { prefixItems: [{ type: "string" }], items: { type: "number" }, minItems: 1 },
  { items: { type: "number" }, uniqueItems: true, maxItems: 3 },
  { contains: { type: "string" }, minContains: 1, maxContains: 2 },
  { anyOf: [{ type: "string" }, { type: "object" }], not: { const: "a" } },
  { oneOf: [{ type: "number" }, { type: "integer" }, { type: "string" }] },
  { if: { type: "string" }, then: { maxLength: 1 }, else: { type: "number" } },
  {
    prefixItems: [true],
    anyOf: [{ prefixItems: [true, { type: "string" }] }, true],
    unevaluatedItems: false,
  },
  {
    $defs: { me: { $anchor: "me", type: "integer" } },
    items: { anyOf: [{ $ref: "#me" }, { type: "null" }] },
  },
  tree,
  closed,
];
// biome-ignore format: a pool of values
const ATOMS: readonly Json[] = [
  null, true, 0, 1, 2, -1, 4, 1.5, 0.3, 10, "", "a", "ab", "abcd", "é", "x1", { a: 1 }, { a: [1, { b: 2 }] },
];

/** A small random value. */
function arbitrary(next: () => number, depth = 3): Json {
  const roll = next();
  const atom = ATOMS[Math.floor(next() * ATOMS.length)] ?? null;
  const size = Math.floor(next() * 4);
  if (depth === 0 || roll < 0.4) return atom;
  const items = Array.from({ length: size }, () => arbitrary(next, depth - 1));
  if (roll < 0.65) return items;
  const names = ["a", "b", "c", "d", "v", "next", "x1"];
  return Object.fromEntries(items.map((item) => [names[Math.floor(next() * names.length)], item]));
}

test("agrees with ajv on random values", () => {
  const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 9 });
  addFormats.default(ajv);
  const next = random(5);
  for (const schema of SCHEMAS) {
    const reference = ajv.compile(schema);
    const own = compileSchema(schema as never);
    for (let round = 0; round < 1_000; round += 1) {
      const value = arbitrary(next);
      const issues = own.validate(value);
      const shown = `${JSON.stringify(schema)}\n${JSON.stringify(value)}\n${JSON.stringify(issues)}`;
      assert.equal(issues.length === 0, reference(value), shown);
    }
  }
});

test("items that `contains` matches are evaluated (2020-12 core, 11.2; ajv counts all of them)", () => {
  const schema = compileSchema({
    prefixItems: [true],
    contains: { type: "string" },
    unevaluatedItems: false,
  });
  assert.deepEqual(schema.validate([1, "a"]), []);
  assert.deepEqual(schema.validate([1, "a", 2]), [{ pointer: "/2", message: "is not allowed" }]);
});

test("issues point at the value, escaped, and say what was expected", () => {
  const schema = compileSchema({
    type: "object",
    required: ["id"],
    properties: { "a/b": { type: "array", items: { type: "string" } } },
  });
  assert.deepEqual(schema.validate({ "a/b": ["x", 1] }), [
    { pointer: "", message: 'must have the property "id"' },
    { pointer: "/a~1b/1", message: "must be string, is number" },
  ]);
});

test("formats are asserted", () => {
  const rights: Record<string, string> = {
    "date-time": "2026-02-28T23:59:59.5+01:00",
    date: "2024-02-29",
    time: "23:59:60Z",
    email: "a@b.example",
    uuid: "00000000-0000-4000-8000-000000000000",
    uri: "https://x.example/a?b#c",
    hostname: "a.example",
    ipv4: "10.0.0.1",
    duration: "P1DT2H",
  };
  for (const [format, right] of Object.entries(rights)) {
    const schema = compileSchema({ format });
    assert.deepEqual(schema.validate(right), [], format);
    assert.equal(schema.validate("not: one of them!").length, 1, format);
  }
  assert.deepEqual(compileSchema({ format: "of-ours" }).validate("anything"), []);
});

test("schemas that cannot be used are refused with the place", () => {
  const refused = (schema: object, pointer: string, words: RegExp): void => {
    assert.throws(
      () => compileSchema(schema as never),
      (error) =>
        error instanceof SchemaError && error.pointer === pointer && words.test(error.message),
    );
  };
  refused({ type: "text" }, "/type", /expected one of/);
  refused({ properties: { a: { minLength: -1 } } }, "/properties/a/minLength", /at least 0/);
  refused({ $ref: "https://x.example/schema" }, "/$ref", /outside this schema/);
  refused({ $ref: "#/$defs/none" }, "/$ref", /nothing at/);
  refused({ items: { pattern: "(" } }, "/items/pattern", /./);
  refused({ $dynamicRef: "#a" }, "/$dynamicRef", /not supported/);
  refused({ allOf: 1 }, "/allOf", /expected a list/);
});

test("hostile schemas and values end", () => {
  const loop = compileSchema({
    $ref: "#/$defs/a",
    $defs: { a: { allOf: [{ $ref: "#/$defs/a" }] } },
  });
  assert.match(loop.validate(1)[0]?.message ?? "", /without end/);
  for (const pattern of ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "^a*a*a*a*a*a*$"]) {
    const text = `${"a".repeat(5_000)}!`;
    assert.equal(compileSchema({ pattern }).validate(text).length, 1, pattern);
    assert.deepEqual(compileSchema({ pattern }).validate("aaaa"), [], pattern);
  }
});

test("patterns mean the same to both matchers", () => {
  const cases: readonly [string, string, boolean][] = [
    ["^(\\d+,?)+$", "1,22,3", true],
    ["^(\\d+,?)+$", "1,٣", false],
    ["^([\\w-]+\\.?)+$", "a-b.c_d", true],
    ["^([\\w-]+\\.?)+$", "é", false],
    ["^(a+\n?)+$", "a\nb", false],
    ["^(a+)+$", "a\na", false],
    ["(\\W+\\w+)+", "-a", true],
  ];
  for (const [pattern, text, matches] of cases) {
    assert.equal(new RegExp(pattern, "u").test(text), matches, pattern);
    assert.equal(
      compileSchema({ pattern }).validate(text).length === 0,
      matches,
      `${pattern} ${text}`,
    );
  }
});
