/** `millrace schedule preview` and the reading of schedules, without a server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folder, millrace } from "./command.ts";

const preview = (...words: readonly (string | readonly string[])[]) =>
  millrace(["schedule", "preview", ...words.flat()]);

test("a preview of a bare expression shows both clocks, and where the one goes forward", async () => {
  const { code, stdout } = await preview(
    ["--cron", "30 1 * * *", "--time-zone", "Europe/Lisbon"],
    ["--after", "2027-03-27T12:00:00Z", "--count", "2"],
  );
  assert.equal(code, 0);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "LOCAL                           UTC",
    "Sun 2027-03-28 02:00:00 +01:00  2027-03-28 01:00:00Z  (clock went forward: runs once right after)",
    "Mon 2027-03-29 01:30:00 +01:00  2027-03-29 00:30:00Z",
  ]);
});

test("a preview tells the two passes of an hour apart, also of half an hour", async () => {
  const { stdout } = await preview(
    ["--cron", "45 1 * * *", "--time-zone", "Australia/Lord_Howe", "--dst-overlap", "both"],
    ["--after", "2027-04-03T00:00:00Z", "-n", "2"],
  );
  assert.match(stdout, /\+11:00 +2027-04-03 14:45:00Z +\(clock goes back: the first 01:45\)\n/);
  assert.match(stdout, /\+10:30 +2027-04-03 15:15:00Z +\(clock went back: the second 01:45\)\n/);
});

test("a day of every year is left out, and days of calendars cannot be without a server", async () => {
  const { stdout, stderr, code } = await preview(
    ["--cron", "@daily", "--excluded-dates=--12-25", "--calendar", "holidays"],
    ["--after", "2027-12-24T12:00:00Z", "-n", "2"],
  );
  assert.equal(code, 0);
  assert.match(
    stdout,
    /2027-12-25 00:00:00Z +\(excluded: nothing starts\)\n.*2027-12-26 00:00:00Z\n/,
  );
  assert.match(stderr, /without a server, the days of holidays are not known/);
  const bad = await preview(["--cron", "@daily", "--calendar", "no such"]);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /--calendar: "no such": expected the name of a calendar/);
});

test("an expression for every hour is not moved by the clock", async () => {
  const { stdout } = await preview(
    ["--cron", "0 * * * *", "--time-zone", "Europe/Lisbon"],
    ["--after", "2027-03-28T00:30:00Z", "-n", "1"],
  );
  assert.match(stdout, /02:00:00 \+01:00 +2027-03-28 01:00:00Z +\(clock went forward\)\n/);
});

test("a preview as JSON is a list of times; excluded ones are marked", async () => {
  const { stdout } = await preview(
    ["--cron", "@daily", "--excluded-dates", "2026-12-25", "--after", "2026-12-24T12:00:00+01:00"],
    ["-n", "2", "-o", "json"],
  );
  assert.deepEqual(JSON.parse(stdout), [
    {
      nominal: "2026-12-25T00:00:00.000Z",
      dueAt: "2026-12-25T00:00:00.000Z",
      local: "2026-12-25T00:00:00Z",
      excluded: true,
    },
    {
      nominal: "2026-12-26T00:00:00.000Z",
      dueAt: "2026-12-26T00:00:00.000Z",
      local: "2026-12-26T00:00:00Z",
      excluded: false,
    },
  ]);
});

test("an interval counts from the time asked about, or from its start", async () => {
  const from = ["--every", "90s", "--after", "2026-12-24T12:00:00Z", "-n", "1"];
  assert.match((await preview(...from)).stdout, /2026-12-24 12:01:30Z/);
  const start = ["--start-at", "2027-01-01T00:00:00Z"];
  assert.match((await preview(...from, ...start)).stdout, /2027-01-01 00:00:00Z/);
});

test("what is wrong with options is told by their names, all at once", async () => {
  const { code, stderr } = await preview("--cron", "0 * * *", "--time-zone", "Lisbon");
  assert.equal(code, 2);
  assert.match(stderr, /^--cron: .*it has 4 fields/m);
  assert.match(stderr, /^--time-zone: .*did you mean "Europe\/Lisbon"/m);
  assert.match(stderr, /^millrace: the schedule is not valid$/m);
});

test("what is wrong in a file is told with its line and column", async (t) => {
  const file = join(folder(t), "nightly.yaml");
  writeFileSync(file, "cron: 0 3 * * *\noverlap: bufferTwo\nexcludedDates: [2026-02-30]\n");
  const { code, stderr } = await preview("--file", file);
  assert.equal(code, 2);
  assert.match(stderr, /nightly\.yaml:2:\d+ overlap: .*did you mean "bufferOne"/);
  assert.match(
    stderr,
    /nightly\.yaml:3:\d+ excludedDates: "2026-02-30": expected dates that exist/,
  );
});

test("options go over what a file says, and a trigger takes the place of the other", async (t) => {
  const file = join(folder(t), "nightly.yaml");
  writeFileSync(file, "every: PT1H\ntimeZone: Europe/Lisbon\n");
  const words = ["--file", file, "--cron", "0 3 * * *", "--after", "2026-07-01T00:00:00Z"];
  assert.match((await preview(...words, "-n", "1")).stdout, /03:00:00 \+01:00 +2026-07-01 02:00/);
});

test("a preview without a trigger, with no time, or of nothing that has times, is refused", async () => {
  const none = await preview();
  assert.equal(none.code, 2);
  assert.match(none.stderr, /no trigger: expected one of/);
  const time = await preview("--cron", "@daily", "--after", "tomorrow");
  assert.equal(time.code, 2);
  assert.match(time.stderr, /--after: tomorrow: expected one such as/);
  const many = await preview("--cron", "@daily", "--count", "0");
  assert.match(many.stderr, /--count: 0: expected 1 to 1000/);
});

test("creating a schedule needs a name and what to start, before any server is asked", async () => {
  const url = ["--url", "http://127.0.0.1:1"];
  const nothing = await millrace(["schedule", "create", "nightly", "--cron", "@daily", ...url]);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /^--workflow: expected what to start/m);
  const words = ["--cron", "@daily", "--workflow", "shop/order", ...url];
  const unnamed = await millrace(["schedule", "create", ...words]);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /a schedule needs a name/);
  const unreached = await millrace(["schedule", "create", "nightly", ...words]);
  assert.equal(unreached.code, 3);
});
