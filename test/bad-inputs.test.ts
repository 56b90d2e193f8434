/** docs/bad-inputs.md: every row names a test that there is. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The last column of each row; a row may name several tests, separated by semicolons. */
function namedTests(): readonly string[] {
  return read("docs/bad-inputs.md")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (-|Input )/.test(line))
    .map(
      (row) =>
        row
          .split(/(?<!\\)\|/)
          .at(-2)
          ?.trim() ?? "",
    );
}

/** Names of tests: as they stand in the sources, and patterns for those that are put together. */
function tests(): { readonly text: string; readonly patterns: readonly RegExp[] } {
  const sources = ["packages/**/*.test.ts", "examples/**/*.test.ts", "test/*.test.ts"]
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((path) => !path.includes("node_modules"))
    .map(read);
  const cases = globSync("packages/testkit/conformance/**/*.yaml", { cwd: root }).map(read);
  const text = [...sources, ...cases].join("\n").replaceAll(/\\(["'`])/g, "$1");
  const patterns = [...text.matchAll(/\btest\(\s*`([^`]*\$\{[^`]*)`/g)].map(([, name = ""]) => {
    const parts = name
      .split(/\$\{[^}]*\}/)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${parts.join(".+")}$`);
  });
  return { text, patterns };
}

test("every bad input has a test of the name that its row gives", () => {
  const rows = namedTests();
  assert.ok(rows.length >= 60, `${rows.length} rows`);
  const { text, patterns } = tests();
  const isThere = (name: string): boolean =>
    name !== "" && (text.includes(name) || patterns.some((pattern) => pattern.test(name)));
  const missing = rows.filter((row) => !isThere(row) && !row.split("; ").every(isThere));
  assert.deepEqual(missing, []);
});
