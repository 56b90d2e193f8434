import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogFunctionUrl, functionUrl } from "./git-hosts.ts";

const RAW = "https://raw.githubusercontent.com";

test("a catalog has a function below functions/, by name and version", () => {
  const at = (root: string): string => catalogFunctionUrl(root, "log", "1.0.0");
  const file = "functions/log/1.0.0/function.yaml";
  const cases: readonly (readonly [string, string])[] = [
    ["https://catalog.example/", `https://catalog.example/${file}`],
    ["https://catalog.example/a/b?key=1", `https://catalog.example/a/b/${file}?key=1`],
    // The specification's own example (DSL "File Structure").
    [
      "https://github.com/serverlessworkflow/catalog/tree/main",
      `${RAW}/serverlessworkflow/catalog/refs/heads/main/${file}`,
    ],
    ["https://github.com/o/r", `${RAW}/o/r/refs/heads/main/${file}`],
    ["https://github.com/o/r.git/", `${RAW}/o/r/refs/heads/main/${file}`],
    ["https://github.com/o/r/tree/dev/sub/dir", `${RAW}/o/r/refs/heads/dev/sub/dir/${file}`],
    ["https://github.com/o/r/tree/v1.2.0", `${RAW}/o/r/v1.2.0/${file}`],
    [`https://github.com/o/r/tree/${"a1".repeat(20)}`, `${RAW}/o/r/${"a1".repeat(20)}/${file}`],
    ["https://gitlab.com/g/s/p", `https://gitlab.com/g/s/p/-/raw/main/${file}`],
    ["https://gitlab.com/g/p/-/tree/dev/x", `https://gitlab.com/g/p/-/raw/dev/x/${file}`],
    ["https://git.example/g/p/-/tree/dev", `https://git.example/g/p/-/raw/dev/${file}`],
  ];
  for (const [root, expected] of cases) assert.equal(at(root), expected, root);
});

test("the page of a file is turned into its raw content; other addresses stay", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["https://github.com/o/r/blob/main/f.yaml", `${RAW}/o/r/refs/heads/main/f.yaml`],
    ["https://gitlab.com/g/p/-/blob/main/f.yaml", "https://gitlab.com/g/p/-/raw/main/f.yaml"],
    ["https://github.com/o/r/releases/f.yaml", "https://github.com/o/r/releases/f.yaml"],
    ["https://example.com/o/r/blob/main/f.yaml", "https://example.com/o/r/blob/main/f.yaml"],
    [`${RAW}/o/r/main/f.yaml`, `${RAW}/o/r/main/f.yaml`],
  ];
  for (const [address, expected] of cases) assert.equal(functionUrl(address), expected, address);
});
