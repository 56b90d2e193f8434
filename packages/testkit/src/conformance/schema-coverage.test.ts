/** Every property of the language is exercised by a case that runs, or is listed with the reason why not. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type JsonObject, parseYaml } from "@millrace/language";
import { CASES_FOLDER, readCases } from "./case.ts";
import { SchemaCoverage } from "./schema-coverage.ts";

const spec = process.env.MILLRACE_SPEC_DIR;
const missing = spec === undefined ? "set MILLRACE_SPEC_DIR to look at the official schema" : false;

function read(path: string): JsonObject {
  const parsed = parseYaml(readFileSync(path, "utf8"), { file: path });
  assert.deepEqual(parsed.issues, []);
  return parsed.value as JsonObject;
}

test("every property of the official schema", { skip: missing }, () => {
  const coverage = new SchemaCoverage(read(join(spec ?? "", "workflow.schema.yaml")));
  for (const { definition, children, expect } of readCases())
    if (expect.refused === undefined)
      for (const each of [definition, ...children]) coverage.add(each);
  const all = coverage.all();
  assert.ok(all.length > 200, `${all.length} properties`);
  const exceptions = read(join(CASES_FOLDER, "uncovered.yaml"));
  assert.deepEqual(
    all.filter((pointer) => !coverage.seen.has(pointer)),
    Object.keys(exceptions),
  );
  for (const reason of Object.values(exceptions))
    assert.ok(
      typeof reason === "string" && reason.split(" ").length > 3,
      "a reason says something",
    );
});
