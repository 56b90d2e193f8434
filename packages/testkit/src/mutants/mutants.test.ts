import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MUTANTS, occurrences } from "./index.ts";

const root = join(import.meta.dirname, "..", "..", "..", "..");

test("each planted bug still finds the one place that it changes", () => {
  const wrong = MUTANTS.flatMap(({ name, edits }) =>
    edits.flatMap(({ file, find, replace }) => {
      const times = occurrences(readFileSync(join(root, file), "utf8"), find);
      if (times !== 1) return `${name}: ${times} times in ${file}`;
      return find === replace ? `${name} changes nothing` : [];
    }),
  );
  assert.deepEqual(wrong, []);
});

test("planted bugs have names of their own, and there are enough of them", () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  assert.ok(MUTANTS.length >= 20);
});
