/** The steps of the specification's conformance kit: what its sentences mean here. */
import assert from "node:assert/strict";
import { formatIssue, isObject, type Json, load, parseYaml } from "@millrace/language";
import { type ActivityExecutor, type LocalResult, runToEnd } from "@millrace/server/local";

/** What one scenario has gathered so far. */
export interface Scenario {
  definition?: string;
  input: Json;
  result?: LocalResult;
}

type Step = (
  scenario: Scenario,
  match: RegExpExecArray,
  text: string,
  executor: ActivityExecutor,
) => void | Promise<void>;

const STEPS: readonly (readonly [RegExp, Step])[] = [
  [
    /^a workflow with definition:$/,
    (scenario, _match, text) => {
      scenario.definition = text;
    },
  ],
  [
    /^given the workflow input is:$/,
    (scenario, _match, text) => {
      scenario.input = yaml(text);
    },
  ],
  [
    /^the workflow is executed$/,
    (scenario, _match, _text, executor) => execute(scenario, executor),
  ],
  [/^the workflow should complete$/, (scenario) => void completed(scenario)],
  [
    /^the workflow should complete with output:$/,
    (scenario, _match, text) => assert.deepEqual(completed(scenario), yaml(text)),
  ],
  [/^the workflow should fault$/, (scenario) => assert.equal(state(scenario).status, "faulted")],
  [
    /^the workflow should fault with error:$/,
    (scenario, _match, text) => {
      assert.equal(state(scenario).status, "faulted");
      assert.deepEqual(state(scenario).error, yaml(text));
    },
  ],
  [
    /^the workflow output should have properties (.*)$/,
    (scenario, match) => {
      const names = [...(match[1] ?? "").matchAll(/'([^']+)'/g)].map((found) => found[1] ?? "");
      assert.ok(names.length > 0);
      for (const name of names) assert.notEqual(property(scenario, name), undefined, name);
    },
  ],
  [
    /^the workflow output should have a '([^']+)' property with value:$/,
    (scenario, match, text) => assert.deepEqual(property(scenario, match[1] ?? ""), yaml(text)),
  ],
  [
    /^the workflow output should have a '([^']+)' property containing (\d+) items$/,
    (scenario, match) => {
      const value = property(scenario, match[1] ?? "");
      assert.ok(Array.isArray(value));
      assert.equal(value.length, Number(match[2]));
    },
  ],
  [/^(\w+) should run first$/, (scenario, match) => assert.equal(order(scenario)[0], match[1])],
  [/^(\w+) should run last$/, (scenario, match) => assert.equal(order(scenario).at(-1), match[1])],
  [
    /^(\w+) should run after (\w+)$/,
    (scenario, match) => {
      const names = order(scenario);
      const before = names.indexOf(match[2] ?? "");
      assert.ok(before >= 0 && names.indexOf(match[1] ?? "") > before, names.join(", "));
    },
  ],
];

/** Runs one step. @throws {Error} when no sentence fits, or what it asserts does not hold */
export async function runStep(
  scenario: Scenario,
  sentence: string,
  text: string,
  executor: ActivityExecutor,
): Promise<void> {
  for (const [pattern, step] of STEPS) {
    const match = pattern.exec(sentence.trim());
    if (match !== null) return step(scenario, match, text, executor);
  }
  throw new Error(`no step for: ${sentence}`);
}

async function execute(scenario: Scenario, executor: ActivityExecutor): Promise<void> {
  const loaded = load(scenario.definition ?? "");
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  scenario.result = await runToEnd(loaded.program, "conformance", scenario.input, { executor });
}

function state(scenario: Scenario): LocalResult["state"] {
  assert.ok(scenario.result, "the workflow has not been executed");
  return scenario.result.state;
}

function completed(scenario: Scenario): Json {
  const { status, error, output } = state(scenario);
  assert.equal(status, "completed", JSON.stringify(error));
  return output ?? null;
}

/** The names of the tasks in the order they started. */
function order(scenario: Scenario): readonly string[] {
  return (scenario.result?.history ?? []).flatMap((event) =>
    event.kind === "task.started" ? [event.name] : [],
  );
}

/** The value at a dotted path of the output; `undefined` when there is none. */
function property(scenario: Scenario, path: string): Json | undefined {
  let value: Json | undefined = completed(scenario);
  for (const name of path.split("."))
    value = value !== undefined && isObject(value) ? value[name] : undefined;
  return value;
}

function yaml(text: string): Json {
  const parsed = parseYaml(text);
  assert.deepEqual(parsed.issues, []);
  return parsed.value ?? null;
}
