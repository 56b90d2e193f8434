/** docs/conformance.md and the cases: each decision links the files whose cases pin it down, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readCases } from "./case.ts";

const page = join(import.meta.dirname, "../../../../docs/conformance.md");

/** `id` → the files its row links, sorted. */
function documented(): Record<string, readonly string[]> {
  const rows = [...readFileSync(page, "utf8").matchAll(/^\| <a id="([^"]+)"><\/a>.*$/gm)];
  assert.equal(new Set(rows.map(([, id]) => id)).size, rows.length, "an id stands twice");
  return Object.fromEntries(
    rows.map(([row, id]) => {
      const links = [...row.matchAll(/\(\.\.\/packages\/testkit\/conformance\/([^)]+)\)/g)];
      return [id, links.map(([, file = ""]) => file).toSorted()];
    }),
  );
}

function pinnedDown(): Record<string, readonly string[]> {
  const files = new Map<string, Set<string>>();
  for (const { decisions, file } of readCases())
    for (const id of decisions) files.set(id, (files.get(id) ?? new Set()).add(file));
  return Object.fromEntries([...files].map(([id, each]) => [id, [...each].toSorted()]));
}

test("each decision links the cases that pin it down", () => {
  assert.deepEqual(documented(), pinnedDown());
});

test("the suite stays large", () => {
  assert.ok(readCases().length >= 300);
});
