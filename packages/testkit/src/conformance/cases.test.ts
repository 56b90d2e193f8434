/** Our own conformance cases; `packages/testkit/conformance/README.md` says how they are written. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { readCases } from "./case.ts";
import { runCase } from "./run-case.ts";

const cases = readCases();

test("cases have names of their own", () => {
  const names = cases.map(({ file, name }) => `${file}: ${name}`);
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
});

for (const [file, group] of Map.groupBy(cases, (each) => each.file)) {
  suite(file, () => {
    for (const each of group) test(each.name, async () => void (await runCase(each)));
  });
}
