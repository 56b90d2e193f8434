/** `millrace calendar …` with a server, and schedules that refer to calendars. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { definition, folder, millrace, serve } from "./command.ts";

test("dev: calendars are set, listed, shown and deleted, and previews name them", async (t) => {
  const { url } = await serve(t, ["dev", "--port", "0", "--data-dir", folder(t)]);
  const cli = (...words: readonly string[]) => millrace(words, { env: { MILLRACE_URL: url } });
  const file = join(folder(t), "holidays.yaml");
  writeFileSync(file, "title: Portugal\ndates: [ 2027-12-25, 2028-01-01/2028-01-02 ]\n");

  const set = await cli("calendar", "set", "pt", "-f", file, "--dates=--12-24,--06-10");
  assert.deepEqual([set.code, set.stdout], [0, "pt: 4 entries\n"]);
  const get = await cli("calendar", "get", "pt");
  assert.equal(get.stdout, "Portugal\n\n2027-12-25\n2028-01-01/2028-01-02\n--12-24\n--06-10\n");
  writeFileSync(file, '["--05-01"]');
  await cli("calendar", "set", "labour", "-f", file, "--title", "Labour day");
  const list = await cli("calendar", "list");
  assert.match(list.stdout, /^NAME +ENTRIES +CHANGED +TITLE\nlabour +1 .*Labour day\npt +4 /);
  const json = JSON.parse((await cli("calendar", "list", "-o", "json")).stdout) as object[];
  assert.equal(json.length, 2);

  await cli("apply", definition(t, "do: [ { nothing: { set: { x: 1 } } } ]\n"));
  const create = ["schedule", "create", "daily", "-w", "test/flow", "--cron", "@daily"];
  const unknown = await cli(...create, "--calendar", "labor");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /there is no calendar labor \(did you mean "labour"\?\)/);
  assert.equal((await cli(...create, "--calendar", "pt", "labour")).code, 0);
  const preview = ["schedule", "preview", "daily", "--after", "2027-12-23T12:00:00Z", "-n", "3"];
  const { stdout } = await cli(...preview);
  const marked = /2027-12-2[45] 00:00:00Z +\(excluded by the calendar pt: nothing starts\)$/gm;
  assert.equal(stdout.match(marked)?.length, 2, stdout);
  assert.match(stdout, /2027-12-26 00:00:00Z\n$/);
  assert.match((await cli("schedule", "get", "daily")).stdout, /^calendars +\["pt","labour"\]$/m);

  const used = await cli("calendar", "delete", "pt");
  assert.equal(used.code, 1);
  assert.match(used.stderr, /the schedule daily refers to the calendar pt \(calendar-in-use\)/);
  await cli("schedule", "update", "daily", "--calendar", "labour");
  assert.equal((await cli("calendar", "delete", "pt")).stderr, "pt: deleted\n");
});

test("a calendar of no dates, of wrong ones, or in a file that is none, is refused before a server is asked", async (t) => {
  const set = (...words: readonly string[]) =>
    millrace(["calendar", "set", "x", ...words], { env: { MILLRACE_URL: "http://127.0.0.1:9" } });
  const refused = async (message: RegExp, ...words: readonly string[]): Promise<void> => {
    const { code, stderr } = await set(...words);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  };
  await refused(/a calendar needs dates: give --dates or --file/);
  await refused(/"2027-02-30": expected a date that exists/, "--dates", "2027-02-30,2027-01-01");
  const file = join(folder(t), "calendar.yaml");
  const expected = /calendar\.yaml: expected a list of dates, or an object of title and dates/;
  for (const text of [
    "dates: 2027-01-01",
    "days: []",
    "title: 1\ndates: []",
    "- 1",
    "",
    "just words",
  ]) {
    writeFileSync(file, text);
    await refused(expected, "--file", file);
  }
  writeFileSync(file, "dates: [ 2027-01-01");
  await refused(/calendar\.yaml:\d+:\d+ /, "--file", file);
});
