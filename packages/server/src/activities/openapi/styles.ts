/**
 * Values as text, in the styles of OpenAPI ("Style Values", RFC 6570) and Swagger 2.0 ("collectionFormat").
 *
 * Delimiters separate values and stay as they are; the same characters inside a value are encoded.
 */
import { isObject, type Json } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import { encodeStrict } from "../http/uri.ts";

export type ParameterStyle =
  | "simple"
  | "label"
  | "matrix"
  | "form"
  | "spaceDelimited"
  | "pipeDelimited"
  | "tabDelimited"
  | "deepObject";

export interface Styled {
  readonly name: string;
  readonly style: ParameterStyle;
  /** Each item or property stands for itself. */
  readonly explode: boolean;
  /** Declared with a media type: the value goes as JSON. */
  readonly json: boolean;
  /** Characters that URIs reserve stay as they are, but for those that would end the value. */
  readonly reserved?: boolean;
}

type Pair = readonly [string, string];

type Parts =
  | { readonly kind: "scalar"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "object"; readonly entries: readonly Pair[] };

const DELIMITERS: Readonly<Partial<Record<ParameterStyle, string>>> = {
  spaceDelimited: " ",
  pipeDelimited: "|",
  tabDelimited: "\t",
};

function partsOf({ name, json }: Styled, value: Json): Parts {
  if (json) return { kind: "scalar", text: JSON.stringify(value) };
  if (isScalar(value)) return { kind: "scalar", text: String(value) };
  const text = (item: Json): string => {
    if (isScalar(item)) return String(item);
    throw badArgument(`parameters.${name}`, "must not be nested deeper than one level");
  };
  if (isObject(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== null);
    return { kind: "object", entries: entries.map(([key, item]) => [key, text(item)]) };
  }
  const items = (value as readonly Json[]).filter((item) => item !== null);
  return { kind: "list", items: items.map(text) };
}

/** What stands for a parameter in the path: simple, label or matrix. */
export function pathText(parameter: Styled, value: Json): string {
  const { style, explode } = parameter;
  const name = encodeStrict(parameter.name);
  const parts = partsOf(parameter, value);
  const lead = style === "label" ? "." : style === "matrix" ? ";" : "";
  const between = style === "simple" ? "," : lead;
  const named = (text: string): string =>
    style === "matrix" ? `${name}${text === "" ? "" : `=${text}`}` : text;
  switch (parts.kind) {
    case "scalar":
      return lead + named(encodeStrict(parts.text));
    case "list": {
      const items = parts.items.map(encodeStrict);
      return lead + (explode ? items.map(named).join(between) : named(items.join(",")));
    }
    case "object": {
      const pairs = parts.entries.map((pair) => pair.map(encodeStrict));
      const joined = pairs.map((pair) => pair.join("="));
      return lead + (explode ? joined.join(between) : named(pairs.flat().join(",")));
    }
  }
}

/** Encoded `name=value` pairs of a query, or of a form. */
export function queryPairs(parameter: Styled, value: Json): readonly string[] {
  const { style, explode } = parameter;
  const encode = parameter.reserved === true ? encodeReserved : encodeStrict;
  if (style === "deepObject" && isObject(value)) return deepPairs(parameter, value);
  const name = encodeStrict(parameter.name);
  const parts = partsOf(parameter, value);
  const delimiter = DELIMITERS[style];
  const between = delimiter === undefined ? "," : encodeStrict(delimiter);
  switch (parts.kind) {
    case "scalar":
      return [`${name}=${encode(parts.text)}`];
    case "list": {
      const items = parts.items.map(encode);
      return explode ? items.map((item) => `${name}=${item}`) : [`${name}=${items.join(between)}`];
    }
    case "object": {
      const pairs = parts.entries.map(([key, item]): Pair => [encodeStrict(key), encode(item)]);
      return explode
        ? pairs.map((pair) => pair.join("="))
        : [`${name}=${pairs.flat().join(between)}`];
    }
  }
}

/** Levels of a `deepObject`; the style itself says nothing beyond the first. */
const MAX_DEEP = 8;

function deepPairs(parameter: Styled, value: Json): readonly string[] {
  const pairs: string[] = [];
  const walk = (name: string, item: Json, depth: number): void => {
    if (item === null) return;
    if (depth > MAX_DEEP)
      throw badArgument(`parameters.${parameter.name}`, `must not nest deeper than ${MAX_DEEP}`);
    if (isScalar(item)) pairs.push(`${encodeStrict(name)}=${encodeStrict(String(item))}`);
    else if (isObject(item))
      for (const [key, inner] of Object.entries(item)) walk(`${name}[${key}]`, inner, depth + 1);
    else for (const inner of item) walk(name, inner, depth + 1);
  };
  walk(parameter.name, value, 0);
  return pairs;
}

/** Name/value pairs that are not part of a URI: headers, cookies, form fields. */
export function plainPairs(parameter: Styled, value: Json): readonly Pair[] {
  const { name, style, explode } = parameter;
  const parts = partsOf(parameter, value);
  const between = DELIMITERS[style] ?? ",";
  switch (parts.kind) {
    case "scalar":
      return [[name, parts.text]];
    case "list":
      if (explode && style !== "simple") return parts.items.map((item) => [name, item]);
      return [[name, parts.items.join(between)]];
    case "object":
      if (explode && style !== "simple") return parts.entries;
      if (explode) return [[name, parts.entries.map((pair) => pair.join("=")).join(between)]];
      return [[name, parts.entries.flat().join(between)]];
  }
}

/** RFC 6570 §3.2.3 for one value of a query: what ends the value, or means a space, is encoded all the same. */
function encodeReserved(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/g,
    decodeURIComponent,
  );
}
