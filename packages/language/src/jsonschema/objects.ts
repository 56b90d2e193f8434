/** Keywords about objects. */
import { escapePointer } from "../issue.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import {
  type Check,
  count,
  fail,
  type Keyword,
  type KeywordCompiler,
  nothingSeen,
  type Run,
  SchemaError,
  type Seen,
  strings,
} from "./context.ts";
import { compilePattern } from "./pattern.ts";

/** A keyword that concerns objects only. */
const forObjects =
  (check: (value: JsonObject, at: string, run: Run, seen: Seen) => boolean): Check =>
  (value, at, run, seen) =>
    !isObject(value) || check(value, at, run, seen);

/** The subschemas under a keyword, by name. */
function named({ value, pointer, compile }: Keyword): readonly (readonly [string, Check])[] {
  if (!isObject(value)) throw new SchemaError("expected an object of schemas", pointer);
  return Object.keys(value).map((key) => [
    key,
    compile(value[key], `${pointer}/${escapePointer(key)}`),
  ]);
}

function checkProperty(
  check: Check,
  value: JsonObject,
  key: string,
  at: string,
  run: Run,
  seen: Seen,
): boolean {
  seen.properties.add(key);
  return check(value[key] ?? null, `${at}/${escapePointer(key)}`, run, nothingSeen());
}

const properties: KeywordCompiler = (keyword) => {
  const checks = named(keyword);
  return forObjects((value, at, run, seen) => {
    let valid = true;
    for (const [key, check] of checks) {
      if (Object.hasOwn(value, key))
        valid = checkProperty(check, value, key, at, run, seen) && valid;
    }
    return valid;
  });
};

const patternProperties: KeywordCompiler = (keyword) => {
  const checks = named(keyword).map(
    ([source, check]) => [compilePattern(source, keyword.pointer), check] as const,
  );
  return forObjects((value, at, run, seen) => {
    let valid = true;
    for (const key of Object.keys(value)) {
      for (const [matches, check] of checks) {
        if (matches(key)) valid = checkProperty(check, value, key, at, run, seen) && valid;
      }
    }
    return valid;
  });
};

/** Properties that neither `properties` nor `patternProperties` beside it speaks of. */
const additionalProperties: KeywordCompiler = ({ value, schema, pointer, compile }) => {
  const check = compile(value, pointer);
  const known = new Set(Object.keys(isObject(schema.properties) ? schema.properties : {}));
  const patterns = Object.keys(isObject(schema.patternProperties) ? schema.patternProperties : {});
  const matchers = patterns.map((source) => compilePattern(source, pointer));
  return forObjects((object, at, run, seen) => {
    let valid = true;
    for (const key of Object.keys(object)) {
      if (known.has(key) || matchers.some((matches) => matches(key))) continue;
      valid = checkProperty(check, object, key, at, run, seen) && valid;
    }
    return valid;
  });
};

const unevaluatedProperties: KeywordCompiler = ({ value, pointer, compile }) => {
  const check = compile(value, pointer);
  return forObjects((object, at, run, seen) => {
    let valid = true;
    for (const key of Object.keys(object)) {
      if (!seen.properties.has(key))
        valid = checkProperty(check, object, key, at, run, seen) && valid;
    }
    return valid;
  });
};

const propertyNames: KeywordCompiler = ({ value, pointer, compile }) => {
  const check = compile(value, pointer);
  return forObjects((object, at, run) =>
    Object.keys(object).every((key) =>
      check(key, `${at}/${escapePointer(key)}`, run, nothingSeen()),
    ),
  );
};

function missing(value: JsonObject, wanted: readonly string[], at: string, run: Run): boolean {
  let valid = true;
  for (const key of wanted) {
    if (!Object.hasOwn(value, key)) valid = fail(run, at, `must have the property "${key}"`);
  }
  return valid;
}

const required: KeywordCompiler = (keyword) => {
  const wanted = strings(keyword);
  return forObjects((value, at, run) => missing(value, wanted, at, run));
};

const dependentRequired: KeywordCompiler = (keyword) => {
  const { value, pointer } = keyword;
  if (!isObject(value)) throw new SchemaError("expected an object of lists", pointer);
  const rules = Object.entries(value).map(
    ([key, wanted]) =>
      [
        key,
        strings({ ...keyword, value: wanted, pointer: `${pointer}/${escapePointer(key)}` }),
      ] as const,
  );
  return forObjects((object, at, run) => {
    const due = rules.filter(([key]) => Object.hasOwn(object, key)).flatMap(([, wanted]) => wanted);
    return missing(object, due, at, run);
  });
};

const dependentSchemas: KeywordCompiler = (keyword) => {
  const checks = named(keyword);
  return forObjects((value, at, run, seen) =>
    checks
      .filter(([key]) => Object.hasOwn(value, key))
      .every(([, check]) => check(value, at, run, seen)),
  );
};

const size =
  (holds: (count: number, limit: number) => boolean, message: string): KeywordCompiler =>
  (keyword) => {
    const limit = count(keyword);
    return forObjects(
      (value: Record<string, Json>, at, run) =>
        holds(Object.keys(value).length, limit) || fail(run, at, `${message} ${limit} properties`),
    );
  };

export const objects: Readonly<Record<string, KeywordCompiler>> = {
  properties,
  patternProperties,
  additionalProperties,
  unevaluatedProperties,
  propertyNames,
  required,
  dependentRequired,
  dependentSchemas,
  minProperties: size((actual, limit) => actual >= limit, "must have at least"),
  maxProperties: size((actual, limit) => actual <= limit, "must have at most"),
};
