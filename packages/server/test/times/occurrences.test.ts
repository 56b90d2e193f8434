/**
 * Forty years of 32 expressions in 14 time zones, against a computation that shares no code with ours: occurrences.py, whose
 * output is occurrences.tsv. Where Python is at hand, a part of it is computed anew.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nextNominal, type TimesSpec } from "../../src/scheduler/times/index.ts";

const FIRST = Date.UTC(1986, 0, 1);
const END = Date.UTC(2026, 0, 1);
const folder = import.meta.dirname;
const rows = readFileSync(join(folder, "occurrences.tsv"), "utf8").trimEnd().split("\n");
const zones = [...new Set(rows.map((row) => row.split("\t")[0] ?? ""))];

/** Number of times in the forty years, and the SHA-256 of their Unix seconds, a line each. */
function digest(spec: TimesSpec): { readonly count: number; readonly sha256: string } {
  const hash = createHash("sha256");
  let count = 0;
  let lines = "";
  for (let next = nextNominal(spec, FIRST - 1); next !== undefined && next.nominal < END; ) {
    count++;
    lines += `${next.nominal / 1000}\n`;
    if (lines.length > 50_000) {
      hash.update(lines);
      lines = "";
    }
    next = nextNominal(spec, next.nominal);
  }
  return { count, sha256: hash.update(lines).digest("hex") };
}

test("the data are of at least 12 zones and 30 expressions, under all rules", () => {
  assert.ok(zones.length >= 12, zones.join());
  assert.ok(new Set(rows.map((row) => row.split("\t")[1])).size >= 30);
  const rules = new Set(rows.map((row) => row.split("\t").slice(2, 4).join()));
  assert.equal(rules.size, 6);
});

for (const zone of zones) {
  test(`forty years in ${zone} are those of an independent computation`, () => {
    for (const row of rows.filter((row) => row.startsWith(`${zone}\t`))) {
      const [timeZone = "", expression = "", dstGap, dstOverlap, count, sha256] = row.split("\t");
      const trigger = { kind: "cron", expression } as const;
      const rules = { dstGap, dstOverlap } as Pick<TimesSpec, "dstGap" | "dstOverlap">;
      const found = digest({ trigger, timeZone, ...rules, anchor: 0 });
      assert.deepEqual(found, { count: Number(count), sha256 }, row);
    }
  });
}

/** Why Python cannot be asked here, or `false`. */
function noPython(): string | false {
  try {
    const probe = "import zoneinfo; zoneinfo.ZoneInfo('Europe/Lisbon')";
    execFileSync("python3", ["-c", probe], { stdio: "pipe" });
    return false;
  } catch {
    return "python3 with zoneinfo and its data is not here";
  }
}

test("the data are what the independent computation gives", { skip: noPython() }, () => {
  // Zones whose rules for these years no release of the time zone data has changed in a decade.
  for (const zone of ["Europe/Lisbon", "Australia/Lord_Howe"]) {
    const command = [join(folder, "occurrences.py"), "--sample", zone];
    const output = execFileSync("python3", command, { encoding: "utf8" });
    const ofZone = rows.filter((row) => row.startsWith(`${zone}\t`));
    const sample = ofZone.filter((_, index) => index % 7 === 0);
    assert.deepEqual(output.trimEnd().split("\n"), sample);
  }
});
