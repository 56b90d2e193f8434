/** Runs a case of jq's test files. */
import { check, compile, JqError } from "../../src/index.ts";
import type { Json } from "../../src/index.ts";
import { LenientParser } from "../../src/values/lenient-json.ts";
import { finiteOutput } from "../../src/values/outputs.ts";
import type { SuiteCase } from "./format.ts";

/** jq's tests know no budget; this one ends a runaway and nothing else. */
const OPTIONS = { limits: { steps: 1e8, outputBytes: 1e8, depth: 10_000 } };
const UNTIMED = { monotonic: () => 0 };

/** JSON text as jq reads it: `nan` is a number. */
function read(text: string): Json {
  const result = new LenientParser(text, 10_000).parse();
  if (typeof result === "string") throw new Error(`${text} is not JSON: ${result}`);
  return result.value;
}

function outputs(program: string, input: Json): Json[] {
  return compile(program, OPTIONS).run(input, {}, UNTIMED);
}

/**
 * The outputs in front of the error that ended the program. As in jq's own runner, an error after the expected outputs
 * is no failure.
 */
function outputsBeforeError(program: string, input: Json, most: number): Json[] {
  for (let count = most; count > 0; count -= 1) {
    try {
      return outputs(`limit(${count}; ${program}\n)`, input);
    } catch (error) {
      if (!(error instanceof JqError) || error.kind !== "runtime") throw error;
    }
  }
  return [];
}

/** JSON text without the sign of zero, which jq's comparison does not see either. */
const show = (values: readonly Json[]): string =>
  values.map((value) => JSON.stringify(value)).join(" ");

/** jq compares objects whatever the order of their keys. */
function sorted(value: Json): Json {
  return (
    outputs('walk(if type == "object" then to_entries | sort_by(.key) else . end)', value)[0] ??
    null
  );
}

function runFailure(
  program: string,
  inputText: string,
  expected: readonly Json[],
): string | undefined {
  const input = read(inputText);
  let actual: readonly Json[];
  let ending = "";
  try {
    actual = outputs(program, input);
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    if (error.kind !== "runtime") return error.message;
    actual = outputsBeforeError(program, input, expected.length + 1);
    ending = ` and raised ${error.message}`;
  }
  if (show(actual.map(sorted)) === show(expected.map(sorted))) return undefined;
  return `expected ${show(expected)}${ending}; gave ${show(actual)}`;
}

/** Why a case fails, or undefined when it passes. */
export function failureOf(one: SuiteCase): string | undefined {
  if (one.kind === "refused") {
    return check(one.program)?.kind === "syntax" ? undefined : "compiled, but must be refused";
  }
  return runFailure(
    one.program,
    one.input,
    one.outputs.map((text) => finiteOutput(read(text))),
  );
}
