/** Schema document → validator. */
import { escapePointer, parsePointer } from "../issue.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Schema } from "../program.ts";
import { arrays } from "./arrays.ts";
import { combinators } from "./combinators.ts";
import { type Check, fail, type KeywordCompiler, nothingSeen, SchemaError } from "./context.ts";
import { objects } from "./objects.ts";
import { values } from "./values.ts";

/** Most mismatches reported for one value. */
const MAX_ISSUES = 20;
/** Most `$ref`s inside each other; values themselves are bounded elsewhere. */
const MAX_DEPTH = 400;

const keywords: Readonly<Record<string, KeywordCompiler>> = {
  ...values,
  ...arrays,
  ...objects,
  ...combinators,
};
/** These look at what all others have evaluated, so they come last. */
const LAST = ["unevaluatedProperties", "unevaluatedItems"];
const UNSUPPORTED = ["$dynamicRef", "$recursiveRef"];

/** @throws {SchemaError} when the document is no schema this validator can use */
export function compileSchema(document: JsonObject | boolean): Schema {
  const check = new SchemaCompiler(document).compile(document, "");
  return {
    validate(value) {
      const issues: { pointer: string; message: string }[] = [];
      check(value, "", { issues, depth: 0 }, nothingSeen());
      return issues.slice(0, MAX_ISSUES);
    },
  };
}

class SchemaCompiler {
  readonly #document: Json;
  /** Compiled schemas by pointer; a holder is entered first, so references may go round. */
  readonly #compiled = new Map<string, { check?: Check }>();
  readonly #anchors = new Map<string, string>();

  constructor(document: Json) {
    this.#document = document;
    this.#findAnchors(document, "");
  }

  readonly compile = (schema: Json | undefined, pointer: string): Check => {
    const known = this.#compiled.get(pointer);
    if (known !== undefined) return (...args) => known.check?.(...args) ?? true;
    const holder: { check?: Check } = {};
    this.#compiled.set(pointer, holder);
    const check = this.#build(schema, pointer);
    holder.check = check;
    return check;
  };

  #build(schema: Json | undefined, pointer: string): Check {
    if (schema === true) return () => true;
    if (schema === false) return (_value, at, run) => fail(run, at, "is not allowed");
    if (schema === undefined || !isObject(schema)) {
      throw new SchemaError("expected a schema: an object, true or false", pointer);
    }
    const unsupported = UNSUPPORTED.find((key) => key in schema);
    if (unsupported !== undefined) {
      throw new SchemaError(`${unsupported} is not supported`, `${pointer}/${unsupported}`);
    }
    const names = Object.keys(schema).filter((key) => !LAST.includes(key));
    const checks: Check[] = [];
    for (const key of [...names, ...LAST.filter((last) => last in schema)]) {
      const check = this.#keyword(key, schema, `${pointer}/${escapePointer(key)}`);
      if (check !== undefined) checks.push(check);
    }
    const [only] = checks;
    if (checks.length === 1 && only !== undefined) return only;
    return (value, at, run, seen) => {
      let valid = true;
      for (const check of checks) valid = check(value, at, run, seen) && valid;
      return valid;
    };
  }

  #keyword(key: string, schema: JsonObject, pointer: string): Check | undefined {
    const value = schema[key] ?? null;
    if (key === "$ref") return this.#reference(value, pointer);
    if (key === "$defs" || key === "definitions") {
      for (const name of Object.keys(isObject(value) ? value : {})) {
        this.compile((value as JsonObject)[name], `${pointer}/${escapePointer(name)}`);
      }
      return undefined;
    }
    // Unknown keywords are annotations.
    const compiler = Object.hasOwn(keywords, key) ? keywords[key] : undefined;
    return compiler?.({ value, schema, pointer, compile: this.compile });
  }

  #reference(value: Json, pointer: string): Check {
    if (typeof value !== "string") throw new SchemaError("expected a string", pointer);
    const target = this.#resolve(value, pointer);
    const check = this.compile(this.#at(target, value, pointer), target);
    return (item, at, run, seen) => {
      if (run.depth > MAX_DEPTH) return fail(run, at, "the schema refers to itself without end");
      run.depth += 1;
      const valid = check(item, at, run, seen);
      run.depth -= 1;
      return valid;
    };
  }

  /** The pointer a `$ref` means; only the document itself is looked into. */
  #resolve(reference: string, pointer: string): string {
    if (!reference.startsWith("#")) {
      const message = `"${reference}" is outside this schema; only references that start with # are followed`;
      throw new SchemaError(message, pointer);
    }
    const fragment = decode(reference.slice(1), pointer);
    if (fragment === "" || fragment.startsWith("/")) return fragment;
    const anchor = this.#anchors.get(fragment);
    if (anchor === undefined) throw new SchemaError(`no $anchor "${fragment}"`, pointer);
    return anchor;
  }

  #at(target: string, reference: string, pointer: string): Json {
    let value: Json = this.#document;
    for (const token of parsePointer(target)) {
      const holder: unknown = value;
      const inside = (isObject(holder) || Array.isArray(holder)) && Object.hasOwn(holder, token);
      if (!inside) throw new SchemaError(`nothing at "${reference}"`, pointer);
      value = (holder as Record<string, Json>)[token] ?? null;
    }
    return value;
  }

  #findAnchors(value: Json, pointer: string): void {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries())
        this.#findAnchors(item as Json, `${pointer}/${index}`);
    } else if (isObject(value)) {
      if (typeof value.$anchor === "string") this.#anchors.set(value.$anchor, pointer);
      for (const [key, item] of Object.entries(value)) {
        this.#findAnchors(item, `${pointer}/${escapePointer(key)}`);
      }
    }
  }
}

function decode(fragment: string, pointer: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    throw new SchemaError("not a URI fragment", pointer);
  }
}
