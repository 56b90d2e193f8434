/**
 * jq's own test files, read from where they are: `MILLRACE_SPEC_DIR/jq/*.test`. They come with jq's sources, in `tests/`.
 * What fails must be on the list of exceptions, and what is on the list must fail.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXCEPTIONS } from "./suite/exceptions.ts";
import { readSuite } from "./suite/format.ts";
import type { SuiteCase } from "./suite/format.ts";
import { failureOf } from "./suite/run.ts";

const folder = join(process.env.MILLRACE_SPEC_DIR ?? "", "jq");
const skip =
  process.env.MILLRACE_SPEC_DIR === undefined || !existsSync(folder)
    ? "copy tests/*.test of jq's sources to a folder jq/ and set MILLRACE_SPEC_DIR to its parent"
    : false;
/** Of all cases, those about modules included. */
const ENOUGH = 0.97;

const files = skip === false ? readdirSync(folder).filter((name) => name.endsWith(".test")) : [];
const casesOf = (file: string): SuiteCase[] => readSuite(readFileSync(join(folder, file), "utf8"));
const excepted = new Set(EXCEPTIONS.map(({ program }) => program));

/** Cases that fail though they should not, and the other way round. */
function surprises(file: string, cases: readonly SuiteCase[]): string[] {
  return cases.flatMap((one) => {
    const failure = failureOf(one);
    if ((failure !== undefined) === excepted.has(one.program)) return [];
    return [`${file}:${one.line} ${one.program}\n    ${failure ?? "passes, but is on the list"}`];
  });
}

for (const file of files) {
  test(`jq's ${file}`, (t) => {
    const cases = casesOf(file);
    const found = surprises(file, cases);
    const listed = cases.filter(({ program }) => excepted.has(program)).length;
    t.diagnostic(`${cases.length} cases: ${cases.length - listed} to pass, ${listed} excepted`);
    assert.equal(found.join("\n"), "");
  });
}

test("jq's own suite is there, and the exceptions are few and all in it", { skip }, (t) => {
  const all = files.flatMap(casesOf);
  const programs = new Set(all.map(({ program }) => program));
  const unknown = EXCEPTIONS.filter(({ program }) => !programs.has(program));
  assert.deepEqual(unknown, []);
  const share = 1 - EXCEPTIONS.length / all.length;
  t.diagnostic(`${all.length - EXCEPTIONS.length} of ${all.length} pass`);
  assert.ok(all.length > 800, `${all.length} cases found`);
  assert.ok(share >= ENOUGH, `only ${(100 * share).toFixed(1)} % pass`);
});

test("the format is read as jq reads it", () => {
  const text = [
    "# comment",
    ". + 1",
    "1",
    "2",
    "",
    "%%FAIL",
    "1 +",
    "jq: error: something",
    "    1 +",
    "  # end",
    "%%FAIL IGNORE MSG",
    "}",
    "\t",
    "empty",
    "null",
    "1, 2",
    "null",
    "1",
    "2",
  ].join("\n");
  // An `outputs`-less case needs its blank line, so the last three lines of input belong to `empty`.
  assert.deepEqual(readSuite(text), [
    { kind: "run", line: 2, program: ". + 1", input: "1", outputs: ["2"] },
    { kind: "refused", line: 7, program: "1 +" },
    { kind: "refused", line: 12, program: "}" },
    { kind: "run", line: 14, program: "empty", input: "null", outputs: ["1, 2", "null", "1", "2"] },
  ]);
});

test("a case fails for a wrong value, a missing or extra output, and a program that is not refused", () => {
  const run = (program: string, ...outputs: string[]): string | undefined =>
    failureOf({ kind: "run", line: 1, program, input: "[1,null]", outputs });
  assert.equal(run(".[]", "1", "null"), undefined);
  assert.equal(run(".[], error", "1", "null"), undefined);
  assert.equal(run("-0", "0"), undefined);
  assert.match(run(".[]", "1", "2") ?? "", /gave 1 null/);
  assert.match(run(".[]", "1") ?? "", /gave 1 null/);
  assert.match(run(".[]", "1", "null", "3") ?? "", /gave 1 null/);
  assert.match(run(".[0], error", "1", "2") ?? "", /gave 1$/);
  assert.match(run("nope") ?? "", /nope\/0/);
  assert.match(failureOf({ kind: "refused", line: 1, program: "1" }) ?? "", /compiled/);
});
