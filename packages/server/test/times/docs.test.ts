/** docs/schedules.md: its tables are what the scheduler does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  localIn,
  nominalsBetween,
  type TimesSpec,
  timeZone,
} from "../../src/scheduler/times/index.ts";

const page = readFileSync(join(import.meta.dirname, "../../../../docs/schedules.md"), "utf8");

/** Cells of the first table after the text, without the backticks; the heading is the first row. */
function tableAfter(text: string): readonly (readonly string[])[] {
  const start = page.indexOf(text);
  assert.notEqual(start, -1, text);
  const lines = page.slice(start).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const length = lines.slice(first).findIndex((line) => !line.startsWith("|"));
  const rows = lines.slice(first, first + length).filter((line) => !line.startsWith("|---"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

function spec(expression: string, zone: string, rules: Partial<TimesSpec> = {}): TimesSpec {
  const trigger = { kind: "cron", expression } as const;
  return { trigger, timeZone: zone, dstGap: "run", dstOverlap: "first", anchor: 0, ...rules };
}

test("the page's expressions fire when it says", () => {
  const [, ...rows] = tableAfter(
    "Some expressions and their first times after Friday, 1 January 2027",
  );
  assert.ok(rows.length >= 10, `${rows.length} rows`);
  for (const [expression = "", times = ""] of rows) {
    const { nominals } = nominalsBetween(spec(expression, "UTC"), Date.UTC(2027, 0, 1), 1e14, 3);
    const found = nominals.map(({ nominal }) =>
      localIn(timeZone("UTC"), nominal).replace("T", " ").replace("Z", ""),
    );
    assert.equal(found.join(", "), times, expression);
  }
});

for (const [heading, zone, from, until] of [
  ["Lisbon, 28 March 2027", "Europe/Lisbon", "2027-03-28T00:00Z", "2027-03-28T03:00Z"],
  ["Lisbon, 31 October 2027", "Europe/Lisbon", "2027-10-31T00:00Z", "2027-10-31T03:00Z"],
  ["Lord Howe, 3 October 2027", "Australia/Lord_Howe", "2027-10-02T14:30Z", "2027-10-02T17:00Z"],
  ["Lord Howe, 4 April 2027", "Australia/Lord_Howe", "2027-04-03T14:00Z", "2027-04-03T17:00Z"],
] as const) {
  test(`the page's table is what happens: ${heading}`, () => {
    const [[, ...rules] = [], ...rows] = tableAfter(`### ${heading}`);
    const rule = rules.includes("run") ? "dstGap" : "dstOverlap";
    assert.ok(rows.length >= 5, `${rows.length} rows`);
    for (const [expression = "", ...cells] of rows) {
      for (const [index, value] of rules.entries()) {
        const timing = spec(expression, zone, { [rule]: value });
        const last = Date.parse(until) - 1;
        const { nominals } = nominalsBetween(timing, Date.parse(from) - 1, last, 100);
        const texts = nominals.map(({ nominal }) => {
          const local = localIn(timeZone(zone), nominal);
          return local.slice(11, 16) + local.slice(19).replace("Z", "+00:00");
        });
        assert.equal(texts.join(", ") || "—", cells[index], `${expression} ${value}`);
      }
    }
  });
}
