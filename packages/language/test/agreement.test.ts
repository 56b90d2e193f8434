/** The structural verdict against JSON Schema validators: on good documents, and on thousands of damaged ones. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Json, parseYaml, validateStructure, workflowSchema } from "@millrace/language";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { documents } from "./documents.ts";
import { mutate, random } from "./mutate.ts";

const ROUNDS = Number(process.env.MILLRACE_MUTATIONS ?? 4_000);
const spec = process.env.MILLRACE_SPEC_DIR;
const missing =
  spec === undefined ? "set MILLRACE_SPEC_DIR to compare with the official schema" : false;

type Verdict = (value: unknown) => boolean;

function validator(schema: object): Verdict {
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  return (value) => validate(value);
}

function read(path: string): object {
  const parsed = parseYaml(readFileSync(path, "utf8"), { file: path });
  assert.deepEqual(parsed.issues, []);
  return parsed.value as object;
}

function examples(): readonly object[] {
  if (spec === undefined) return [];
  const folder = join(spec, "examples");
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  return files.map((file) => read(join(folder, file)));
}

/** Both accept the originals, and agree on every damaged copy. */
function agree(official: Verdict, originals: readonly object[], seed: number): void {
  for (const original of originals) {
    assert.deepEqual(validateStructure(original as Json), []);
    assert.ok(official(original));
  }
  const next = random(seed);
  let invalid = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const changed = mutate(originals[round % originals.length] ?? {}, next);
    const issues = validateStructure(changed as Json);
    const expected = official(changed);
    if (!expected) invalid += 1;
    const shown = JSON.stringify(changed, undefined, 1);
    assert.equal(issues.length === 0, expected, `${JSON.stringify(issues)}\n${shown}`);
  }
  // The changes must hit something, or agreeing is worth nothing; and miss sometimes.
  assert.ok(invalid > ROUNDS / 3 && invalid < ROUNDS, `${invalid} of ${ROUNDS} invalid`);
}

test("agrees with the schema it prints for editors", () => {
  agree(validator(workflowSchema()), documents, 11);
});

test("agrees with the official schema", { skip: missing }, () => {
  const official = validator(read(join(spec ?? "", "workflow.schema.yaml")));
  agree(official, [...documents, ...examples()], 7);
});

test("says what is wrong in one issue per mistake, never about alternatives", () => {
  const next = random(3);
  for (let round = 0; round < 500; round += 1) {
    const changed = mutate(documents[round % documents.length] ?? {}, next);
    for (const { message } of validateStructure(changed as Json)) {
      assert.doesNotMatch(message, /match|oneOf|anyOf|alternative/);
    }
  }
});
