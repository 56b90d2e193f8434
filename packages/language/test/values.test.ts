/** Durations, error types, messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalErrorType, formatIssue, parseDuration, standardErrors } from "@millrace/language";

test("durations in milliseconds", () => {
  const rights: readonly [unknown, number][] = [
    ["PT1M30S", 90_000],
    ["P1DT2H", 93_600_000],
    ["P2W", 1_209_600_000],
    ["PT0.25S", 250],
    ["PT0S", 0],
    [{ days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 }, 90_061_001],
  ];
  for (const [given, expected] of rights) assert.equal(parseDuration(given), expected);
  for (const wrong of [
    "",
    "P",
    "PT",
    "1s",
    "P1Y",
    "P1M",
    "-PT1S",
    {},
    { weeks: 1 },
    { seconds: "1" },
    5,
    null,
  ]) {
    assert.throws(
      () => parseDuration(wrong),
      /duration|unit|number|fixed length/,
      JSON.stringify(wrong),
    );
  }
  assert.throws(() => parseDuration({ seconds: -1 }), /negative/);
  assert.throws(() => parseDuration("P999999999D"), /100 years/);
});

test("one standard error, however its address is written", () => {
  const canonical = "https://open-workflow-specification.org/spec/1.0.0/errors/timeout";
  for (const host of ["serverlessworkflow.io", "open-workflow-specification.org"]) {
    for (const path of ["spec/1.0.0/errors", "spec/1.0.3/errors", "dsl/errors/types"]) {
      for (const scheme of ["http", "https"]) {
        assert.equal(canonicalErrorType(`${scheme}://${host}/${path}/timeout`), canonical);
      }
    }
  }
  for (const own of [
    "https://open-workflow-specification.org/errors/types/compliance",
    "https://serverlessworkflow.io/spec/1.0.0/errors/mine",
    "https://shop.example/spec/1.0.0/errors/timeout",
    "",
  ]) {
    assert.equal(canonicalErrorType(own), own);
  }
  assert.equal(standardErrors.timeout.type, canonical);
  assert.equal(standardErrors.authorization.status, 403);
});

test("an issue is one line", () => {
  const issue = {
    path: "do[2].a",
    pointer: "/do/2/a",
    message: "required",
    code: "required",
  } as const;
  assert.equal(formatIssue(issue), "do[2].a: required");
  assert.equal(
    formatIssue({ ...issue, file: "order.yaml", line: 12, column: 7 }),
    "order.yaml:12:7 do[2].a: required",
  );
  assert.equal(formatIssue({ ...issue, path: "", line: 1, column: 1 }), "definition:1:1 required");
});
