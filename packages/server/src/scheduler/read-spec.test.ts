import assert from "node:assert/strict";
import test from "node:test";
import { type Json, type JsonObject, load } from "@millrace/language";
import { RuntimeError, type RuntimeIssue } from "../runtime.ts";
import { readSpec, scheduleNameOfDefinition, scheduleOfDefinition } from "./read-spec.ts";
import { DEFAULTS } from "./schedule.ts";
import { writeSpec } from "./write-spec.ts";

const workflow = { namespace: "shop", name: "order" };

function issuesOf(value: Json): readonly RuntimeIssue[] {
  try {
    readSpec(value);
  } catch (error) {
    assert.ok(error instanceof RuntimeError);
    assert.equal(error.kind, "invalid-schedule");
    return error.issues ?? [];
  }
  return assert.fail(`${JSON.stringify(value)} is taken`);
}

/** That one issue stands at `path` and says `message`. */
function refused(more: JsonObject, path: string, message: RegExp): void {
  const issues = issuesOf({ workflow, cron: "0 3 * * *", ...more });
  assert.deepEqual(
    issues.map((issue) => issue.path),
    [path],
    JSON.stringify(issues),
  );
  assert.match(issues[0]?.message ?? "", message);
}

test("what says nothing of how it keeps its times has the defaults", () => {
  assert.deepEqual(readSpec({ workflow, cron: "0 3 * * *" }), {
    ...DEFAULTS,
    workflow,
    input: {},
    trigger: { kind: "cron", expression: "0 3 * * *" },
  });
});

test("everything that can be said is read", () => {
  const spec = readSpec({
    workflow: { ...workflow, version: "1.2.0" },
    input: [1, null],
    every: { minutes: 5 },
    timeZone: "Europe/Lisbon",
    dstGap: "skip",
    dstOverlap: "both",
    overlap: "cancelOther",
    catchUp: "all",
    catchUpWindow: "PT6H",
    jitter: { seconds: 30 },
    startAt: "2026-11-05T14:03:07.25+01:00",
    endAt: "2027-01-01T00:00:00Z",
    pauseAfterFailures: 3,
    excludedDates: ["2026-12-25", "2026-12-31/2027-01-01"],
    priority: "P1",
  });
  assert.deepEqual(spec, {
    workflow: { ...workflow, version: "1.2.0" },
    input: [1, null],
    trigger: { kind: "every", milliseconds: 300_000 },
    timeZone: "Europe/Lisbon",
    dstGap: "skip",
    dstOverlap: "both",
    overlap: "cancelOther",
    catchUp: "all",
    catchUpWindow: 21_600_000,
    jitter: 30_000,
    startAt: Date.UTC(2026, 10, 5, 13, 3, 7, 250),
    endAt: Date.UTC(2027, 0, 1),
    pauseAfterFailures: 3,
    excludedDates: ["2026-12-25", "2026-12-31/2027-01-01"],
    priority: 1,
  });
});

test("the triggers are those of the DSL", () => {
  assert.deepEqual(readSpec({ workflow, after: "PT10S" }).trigger, {
    kind: "after",
    milliseconds: 10_000,
  });
  const strategy = { one: { with: { type: "order.placed" } } };
  assert.deepEqual(readSpec({ workflow, on: strategy }).trigger, {
    kind: "on",
    strategy,
    read: "data",
  });
  assert.deepEqual(readSpec({ workflow, on: strategy, read: "envelope" }).trigger, {
    kind: "on",
    strategy,
    read: "envelope",
  });
});

test("a schedule needs exactly one trigger", () => {
  const none = issuesOf({ workflow });
  assert.deepEqual(none, [{ path: "", message: none[0]?.message }]);
  assert.match(none[0]?.message ?? "", /no trigger: expected one of every, cron, after, on/);
  refused({ every: "PT1H" }, "", /every and cron cannot be combined/);
  assert.match(issuesOf({ workflow, every: "PT1H", read: "data" })[0]?.message ?? "", /"?on"?/);
});

test("a cron expression that is none, or never fires, is refused", () => {
  refused({ cron: "0 3 * *" }, "cron", /it has 4 fields/);
  refused({ cron: "0 0 30 2 *" }, "cron", /never fires/);
  refused({ cron: 5 }, "cron", /./);
});

test("an unknown time zone is refused with the one that was meant", () => {
  refused({ timeZone: "Europe/Lisbonn" }, "timeZone", /did you mean "Europe\/Lisbon"/);
  refused({ timeZone: "Lisbon" }, "timeZone", /did you mean "Europe\/Lisbon"/);
  refused({ timeZone: "Australia/Lord Howe" }, "timeZone", /did you mean "Australia\/Lord_Howe"/);
  refused({ timeZone: "+01:00" }, "timeZone", /is not the name of a time zone/);
  refused({ timeZone: "BST" }, "timeZone", /different zones to different people/);
  refused({ timeZone: 1 }, "timeZone", /IANA name/);
});

test("an interval that is no time is refused", () => {
  const every = (value: Json): string => issuesOf({ workflow, every: value })[0]?.message ?? "";
  assert.match(every("PT0S"), /longer than zero/);
  assert.match(every({ seconds: -5 }), /./);
  assert.match(every("5 minutes"), /not an ISO 8601 duration|expected/);
  assert.match(every("${ .interval }"), /an expression has no data here/);
  assert.match(issuesOf({ workflow, after: "-PT5S" })[0]?.message ?? "", /./);
});

test("an end that is not after the start is refused", () => {
  const startAt = "2026-11-05T00:00:00Z";
  refused({ startAt, endAt: startAt }, "endAt", /not after `startAt`/);
  refused({ startAt: "2026-11-05T00:00:00" }, "startAt", /RFC 3339 instant with its offset/);
  refused({ startAt: "2026-02-30T00:00:00Z" }, "startAt", /RFC 3339/);
});

test("excluded dates that do not exist are refused", () => {
  const path = "excludedDates";
  refused({ excludedDates: ["2026-02-29"] }, path, /"2026-02-29": expected dates that exist/);
  refused({ excludedDates: ["2026-12-31/2026-12-01"] }, path, /expected dates that exist/);
  refused({ excludedDates: ["25.12.2026"] }, path, /such as 2026-12-25/);
  refused({ excludedDates: "2026-12-25" }, path, /a list of dates/);
  refused({ excludedDates: Array.from({ length: 1_001 }, () => "2026-12-25") }, path, /more than/);
});

test("a policy that there is not is refused with the one that was meant", () => {
  refused({ tmeZone: "UTC" }, "tmeZone", /did you mean "timeZone"/);
  refused({ overlap: "buferOne" }, "overlap", /expected skip, .*did you mean "bufferOne"/);
  refused({ catchUp: true }, "catchUp", /expected none, last or all/);
  refused({ somethingElse: 1 }, "somethingElse", /there are workflow, input/);
});

test("failures and priorities are what they say", () => {
  refused({ pauseAfterFailures: 0 }, "pauseAfterFailures", /1 or more/);
  refused({ pauseAfterFailures: 1.5 }, "pauseAfterFailures", /a whole number/);
  refused({ priority: 2 }, "priority", /P0 \(first\)/);
  refused({ priority: "high" }, "priority", /P0 \(first\)/);
});

test("a jitter that is as long as the interval is refused", () => {
  const issues = issuesOf({ workflow, every: "PT1M", jitter: "PT1M" });
  assert.deepEqual(
    issues.map(({ path }) => path),
    ["jitter"],
  );
  refused({ jitter: "P50D" }, "jitter", /longer than 49 days/);
  assert.equal(readSpec({ workflow, every: "PT1M", jitter: "PT59S" }).jitter, 59_000);
});

test("what to start must be said", () => {
  assert.deepEqual(
    issuesOf({ cron: "@daily" }).map(({ path }) => path),
    ["workflow"],
  );
  refused({ workflow: { namespace: "shop" } }, "workflow.name", /1 to 63 letters/);
  refused({ workflow: { ...workflow, version: "" } }, "workflow.version", /leave it out/);
  refused({ workflow: { ...workflow, nmae: 1 } }, "workflow.nmae", /namespace, name, version/);
  assert.equal(issuesOf(null)[0]?.message, "expected an object");
});

test("every issue is told at once", () => {
  const issues = issuesOf({ cron: "@daily", timeZone: "Mars", overlap: 1, priority: 9, x: 1 });
  assert.deepEqual(issues.map(({ path }) => path).toSorted(), [
    "overlap",
    "priority",
    "timeZone",
    "workflow",
    "x",
  ]);
});

test("a spec is written as it is read", () => {
  const written: readonly JsonObject[] = [
    { workflow, cron: "@daily" },
    { workflow, every: "P1DT0.5S", jitter: "PT1M", startAt: "2026-11-05T14:03:07+01:00" },
    { workflow, after: "PT0S", endAt: "2027-01-01T00:00:00Z", pauseAfterFailures: 2 },
    { workflow, on: { any: [] }, read: "raw", priority: "P4", input: null },
  ];
  for (const wire of written) {
    const spec = readSpec(wire);
    assert.deepEqual(readSpec(writeSpec(spec) as JsonObject), spec);
  }
  assert.equal(writeSpec(readSpec({ workflow, every: { minutes: 90 } })).every, "PT1H30M");
});

const DEFINITION = `
document:
  dsl: '1.0.3'
  namespace: shop
  name: report
  version: '1.0.0'
  metadata:
    millrace:
      schedule:
        timeZone: Europe/Lisbon
        overlap: bufferOne
        catchUpWindow: PT2H
schedule:
  cron: 0 9 * * MON-FRI
do:
  - nothing: { set: { x: 1 } }
`;

function scheduleOf(text: string) {
  const loaded = load(text);
  assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.issues));
  return scheduleOfDefinition(loaded.program);
}

test("a definition's schedule has its trigger and the policies of its metadata", () => {
  assert.deepEqual(scheduleOf(DEFINITION), {
    ...DEFAULTS,
    workflow: { namespace: "shop", name: "report" },
    input: {},
    trigger: { kind: "cron", expression: "0 9 * * MON-FRI" },
    timeZone: "Europe/Lisbon",
    overlap: "bufferOne",
    catchUpWindow: 7_200_000,
  });
  assert.equal(scheduleNameOfDefinition({ namespace: "shop", name: "report" }), "shop.report");
});

test("a definition without `schedule` makes none", () => {
  assert.equal(scheduleOf(DEFINITION.replace(/schedule:\n {2}cron.*\n/, "")), undefined);
});

test("the API and definitions refuse the same in the same words", () => {
  const loaded = load(DEFINITION.replace("bufferOne", "buferOne"));
  assert.ok(!loaded.ok);
  const [issue] = loaded.issues;
  const [same] = issuesOf({ workflow, cron: "@daily", overlap: "buferOne" });
  assert.equal(issue?.message, same?.message);
  assert.equal(issue?.path, `document.metadata.millrace.schedule.${same?.path}`);
});
