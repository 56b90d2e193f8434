/** Strings: patterns, formats, enumerations. */
import { suggestion } from "../nearest.ts";
import type { StringShape } from "../schema/type.ts";
import { hasFormat } from "./formats.ts";
import { mismatch, type Walk } from "./walk.ts";

const compiled = new Map<string, RegExp>();

/** Patterns are compiled on first use: most definitions need few of them. */
function pattern(source: string): RegExp {
  let regex = compiled.get(source);
  if (regex === undefined) {
    regex = new RegExp(source, "u");
    compiled.set(source, regex);
  }
  return regex;
}

export function checkString(shape: StringShape, value: unknown, walk: Walk): void {
  if (typeof value !== "string") {
    const hint =
      typeof value === "number" || typeof value === "boolean" ? "; put it in quotes" : "";
    return mismatch(walk, value, shape.expected ?? "a string", hint);
  }
  if (shape.values !== undefined && !shape.values.includes(value)) {
    const expected = shape.values.join(", ");
    const hint = suggestion(value, shape.values);
    walk.report(
      "value",
      `expected one of ${expected}, got ${describeString(value)}${hint}`,
      expected,
    );
  } else if (!isAllowed(shape, value)) {
    const expected = shape.expected ?? expectation(shape);
    walk.report("value", `expected ${expected}, got ${describeString(value)}`, expected);
  }
}

function isAllowed(shape: StringShape, value: string): boolean {
  if (shape.minLength !== undefined && value.length < shape.minLength) return false;
  if (shape.not?.includes(value) === true) return false;
  if (shape.pattern !== undefined && !pattern(shape.pattern).test(value)) return false;
  return shape.format === undefined || hasFormat(shape.format, value);
}

function expectation(shape: StringShape): string {
  if (shape.minLength !== undefined) return "text that is not empty";
  return shape.format === undefined ? "another value" : `a ${shape.format}`;
}

export function describeString(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
