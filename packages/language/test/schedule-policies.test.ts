import assert from "node:assert/strict";
import test from "node:test";
import { formatIssue, load, parseInstant, schedulePolicies } from "../src/index.ts";

/** A definition whose first policy stands in line 9. */
function definition(policies: readonly string[], schedule = "{ every: PT1H }"): string {
  return [
    "document:",
    "  dsl: '1.0.3'",
    "  namespace: shop",
    "  name: report",
    "  version: '1.0.0'",
    "  metadata:",
    "    millrace:",
    "      schedule:",
    ...policies.map((policy) => `        ${policy}`),
    ...(schedule === "" ? [] : [`schedule: ${schedule}`]),
    "do:",
    "  - nothing: { set: { x: 1 } }",
  ].join("\n");
}

function issues(...given: Parameters<typeof definition>): readonly string[] {
  const loaded = load(definition(...given));
  return loaded.ok ? [] : loaded.issues.map(formatIssue);
}

test("policies of a definition are read as instants and milliseconds", () => {
  const loaded = load(
    definition([
      "timeZone: Australia/Lord_Howe",
      "jitter: { seconds: 5 }",
      "startAt: 2026-11-05T00:00:00+11:00",
      "excludedDates: [2026-12-25, 2026-12-31/2027-01-01]",
    ]),
  );
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.warnings, []);
  assert.deepEqual(schedulePolicies(loaded.definition), {
    timeZone: "Australia/Lord_Howe",
    jitter: 5_000,
    startAt: Date.UTC(2026, 10, 4, 13),
    excludedDates: ["2026-12-25", "2026-12-31/2027-01-01"],
  });
});

test("a misspelt policy of a definition is refused where it stands", () => {
  const place = "definition:10:9 document.metadata.millrace.schedule.overlp: ";
  assert.deepEqual(issues(["timeZone: UTC", "overlp: skip"]), [
    `${place}no such policy (did you mean "overlap"?)`,
  ]);
});

test("a wrong value of a policy is refused where it stands", () => {
  const [zone, end, ...more] = issues([
    "timeZone: Europe/Lisbonn",
    "startAt: 2026-11-05T00:00:00Z",
    "endAt: 2026-11-04T00:00:00Z",
  ]);
  assert.match(
    zone ?? "",
    /^definition:9:9 .*timeZone: "Europe\/Lisbonn" is not .*"Europe\/Lisbon"/,
  );
  assert.match(end ?? "", /^definition:11:9 .*endAt: not after `startAt`/);
  assert.deepEqual(more, []);
});

test("excluded days and calendars that are none are refused where they stand", () => {
  const wrong = (policy: string): string => issues([policy])[0] ?? "taken";
  assert.equal(wrong("excludedDates: ['--12-25', --02-29, 2027-01-01]"), "taken");
  assert.equal(wrong("calendars: [holidays, eu.bank_2027]"), "taken");
  for (const bad of ["--02-30", "--13-01", "--1-1", "-12-25", "--12-24/--12-26", "12-25"])
    assert.match(wrong(`excludedDates: ['${bad}']`), /excludedDates: .*expected dates that exist/);
  assert.match(wrong("calendars: holidays"), /calendars: expected a list of names/);
  assert.match(wrong("calendars: [two words]"), /calendars: "two words": expected the name/);
  const many = Array.from({ length: 21 }, (_, n) => `c${n}`).join(", ");
  assert.match(wrong(`calendars: [${many}]`), /calendars: more than 20 calendars/);
});

test("policies that are a list, and intervals that are expressions, are refused", () => {
  assert.match(issues(["- overlap"])[0] ?? "", /expected an object of policies/);
  const [issue] = issues(["overlap: skip"], "{ after: '${ .pause }' }");
  assert.match(issue ?? "", /^definition:10:13 schedule.after: an expression has no data here/);
});

test("policies without a schedule have no effect, and a warning says so", () => {
  const loaded = load(definition(["overlap: skip"], ""));
  assert.ok(loaded.ok);
  assert.match(loaded.warnings[0]?.message ?? "", /no `schedule`/);
});

test("policies under a misspelt name have no effect, and a warning says so", () => {
  const loaded = load(definition(["overlap: skip"]).replace("      schedule:", "      scheduel:"));
  assert.ok(loaded.ok);
  assert.deepEqual(schedulePolicies(loaded.definition), {});
  assert.match(loaded.warnings[0]?.message ?? "", /no effect \(did you mean "schedule"\?\)/);
  assert.equal(loaded.warnings[0]?.line, 8);
});

test("an instant is read as Date reads it, and one that is not there is none", () => {
  for (let at = -62_135_596_800_000; at < 253_402_300_799_999; at += 86_399_999 * 917) {
    const text = new Date(at).toISOString();
    assert.equal(parseInstant(text), at, text);
  }
  assert.equal(parseInstant("2026-11-05T14:03:07.25-03:30"), Date.UTC(2026, 10, 5, 17, 33, 7, 250));
  for (const text of [
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+24:00",
    "9999-12-31T23:59:59-00:01",
    "0000-01-01T00:00:00+00:01",
    "2026-01-01",
    "now",
  ])
    assert.equal(parseInstant(text), undefined, text);
});
