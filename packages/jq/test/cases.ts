/** Runs tables of programs: the same form for every topic. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, JqError } from "../src/index.ts";
import type { Json } from "../src/index.ts";

/** A program, its input, and its outputs or the message of the error it raises. */
export type Case = readonly [
  program: string,
  input: unknown,
  expected: readonly unknown[] | string,
];

/** Time plays no part in these tests, so a busy machine cannot fail them. */
const UNTIMED = { monotonic: () => 0 };

/** Freezes a value all the way down; programs must not change what they are given. */
export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

function check(program: string, input: unknown, expected: readonly unknown[] | string): void {
  const before = JSON.stringify(input);
  const run = (): Json[] => compile(program).run(freeze(input) as Json, {}, UNTIMED);
  if (typeof expected === "string") {
    assert.throws(run, (error: unknown) => {
      assert.ok(error instanceof JqError);
      assert.equal(error.message, expected);
      return true;
    });
  } else assert.deepEqual(run(), expected);
  assert.equal(JSON.stringify(input), before);
}

/** One test per case, named by its program. */
export function testCases(cases: readonly Case[]): void {
  for (const [program, input, expected] of cases) {
    test(`${program}  <=  ${JSON.stringify(input)}`, () => check(program, input, expected));
  }
}
