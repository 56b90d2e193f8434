/**
 * The differential fuzzer: its parts by themselves, and 5,000 cases against the jq that is installed. `MILLRACE_JQ` names
 * another one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../src/index.ts";
import { campaign, caseOf, findings } from "./fuzz/campaign.ts";
import { compare } from "./fuzz/compare.ts";
import { DIFFERENCES, explain } from "./fuzz/differences.ts";
import { Reference } from "./fuzz/reference.ts";
import { describeSummary, replay } from "./fuzz/report.ts";
import { shrink } from "./fuzz/shrink.ts";
import { TEMPLATES } from "./fuzz/templates.ts";
import { term } from "./fuzz/tree.ts";
import { callsOf } from "./fuzz/vocabulary.ts";

const CASES = 5000;
const SEED = 20_260_101;
const path = process.env.MILLRACE_JQ ?? "jq";

function installed(): Reference | undefined {
  try {
    return new Reference(path);
  } catch {
    return undefined;
  }
}

const reference = installed();
const isRequired = process.env.CI !== undefined && process.env.CI !== "";
const skip =
  reference === undefined && !isRequired
    ? "no jq found: install it (`apt-get install jq`, `brew install jq`) or set MILLRACE_JQ to its path"
    : false;
test.after(() => reference?.close());

test("generated programs do here what they do in jq", { skip }, async (t) => {
  assert.ok(reference, "CI needs jq: `apt-get install jq`, or MILLRACE_JQ with its path");
  const summary = await campaign(reference, { seed: SEED, from: 0, count: CASES });
  t.diagnostic(`jq ${reference.version}: ${describeSummary(summary)}`);
  const [first] = summary.unlisted;
  const shown = first === undefined ? "" : replay(await shrink(reference, first), path);
  assert.equal(summary.unlisted.length, 0, shown);
  // Programs that all fail, or that hardly any agree on, would prove nothing.
  assert.ok(summary.equal > 0.8 * CASES, describeSummary(summary));
  assert.ok(summary.errors < 0.5 * summary.equal, describeSummary(summary));
});

test("a difference is found, made small and given a command", { skip }, async () => {
  assert.ok(reference, "CI needs jq");
  // `$__loc__` knows its line, which is another one in a batch.
  const tree = term("[1, {a: ", { tree: term("[$__loc__ | .line]"), tight: false }, "}]");
  const program = "[1, {a: [$__loc__ | .line]}]";
  const cases = [
    { program: ".", input: 1, tree, index: 0 },
    { program, input: [2], tree, index: 1 },
  ];
  const [equal, different] = await findings(reference, cases);
  assert.equal(equal?.distance, "none");
  assert.ok(different !== undefined && different.distance === "value");
  const small = await shrink(reference, different);
  assert.deepEqual([small.program, small.input], ["[$__loc__ | .line]", 2]);
  assert.match(replay(small, "jq"), /^npm run fuzz:jq -- --program='.*' --input='2'$/);
});

test("the same seed gives the same cases, and nearly all compile", () => {
  const cases = Array.from({ length: 1000 }, (_, at) => caseOf(1, at, TEMPLATES));
  assert.deepEqual(caseOf(1, 700, TEMPLATES), cases[700]);
  assert.notDeepEqual(caseOf(2, 700, TEMPLATES), cases[700]);
  const refused = cases.filter(({ program }) => check(program) !== undefined);
  assert.ok(refused.length < 50, `${refused.length} refused`);
  assert.ok(new Set(cases.map(({ program }) => program)).size > 400);
});

test("what differs is told apart", () => {
  const ended = (...outputs: never[] | [unknown]) =>
    ({ kind: "ended", outputs: outputs as never[] }) as const;
  assert.equal(compare(ended([0, { a: 1, b: 2 }]), ended([-0, { a: 1, b: 2 }])), "none");
  assert.equal(compare(ended({ a: 1, b: 2 }), ended({ b: 2, a: 1 })), "order of keys");
  assert.equal(compare(ended([0.1]), ended([0.1 + 1e-17, 1])), "value");
  assert.equal(compare(ended(1), ended(1 + 2e-16)), "digits");
  assert.equal(compare({ ...ended(1), error: "a" }, { ...ended(1), error: "b" }), "message");
  assert.equal(compare({ ...ended(1), error: "a" }, ended(1)), "value");
  assert.equal(compare(ended(1), { kind: "refused", message: "" }), "value");
});

test("a listed difference explains only versions it is about", () => {
  const finding = {
    program: ".a",
    input: 1,
    here: { kind: "ended", outputs: [], error: 'Cannot index number with string ("a")' },
    there: { kind: "ended", outputs: [], error: 'Cannot index number with "a"' },
    distance: "message",
  } as const;
  assert.equal(explain(finding, "1.6")?.name, "wording of 1.7 and before");
  assert.equal(explain(finding, "1.7.1")?.name, "wording of 1.7 and before");
  assert.equal(explain(finding, "1.8"), undefined);
  assert.equal(explain(finding, "1.10"), undefined);
  const names = DIFFERENCES.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

test("the calls of a rule are found", () => {
  assert.deepEqual(callsOf('[limit(2; .a.b)] | map({c: "\\(d)", ("e"): f(1; (g)) })'), [
    "limit/2",
    "map/1",
    "d/0",
    "f/2",
    "g/0",
  ]);
});
