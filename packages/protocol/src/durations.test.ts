import assert from "node:assert/strict";
import test from "node:test";
import { formatDuration, parseDuration } from "./durations.ts";

test("durations with a unit and ISO 8601 durations are read, all else is refused", () => {
  const good: [string, number][] = [
    ["30s", 30_000],
    ["500ms", 500],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
    ["PT30S", 30_000],
    ["PT0.25S", 250],
    ["P1DT2H3M4S", 93_784_000],
    ["0s", 0],
  ];
  for (const [text, expected] of good) assert.equal(parseDuration(text), expected, text);
  for (const text of ["", "30", "-1s", "s", "1w", "P", "PT", "P1Y", "1 s", "30S", "1e3s", "NaNs"]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test("a duration is written as it is read", () => {
  const texts = ["PT0S", "PT0.25S", "PT1M30S", "P1DT2H3M4.005S", "P7D", "PT23H", "P36525D"];
  for (const text of texts) assert.equal(formatDuration(parseDuration(text) ?? -1), text);
});
