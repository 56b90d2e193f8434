/** The tree of tasks, as `describe` and the live progress draw it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "@millrace/testkit";
import { treeLines } from "../src/run/progress.ts";
import { TaskLog } from "../src/run/tasks.ts";

const DEFINITION = `document: { dsl: '1.0.3', namespace: test, name: tree, version: '1.0.0' }
use:
  functions:
    greet: { do: [ { hello: { set: { a: 1 } } }, { deeper: { call: inner } } ] }
    inner: { set: { b: 1 } }
do:
  - loop:
      for: { in: "\${ [1] }" }
      do: [ { "404": { call: greet } } ]
  - last: { call: inner }
`;

test("tasks of functions stand under the task that calls them, whatever a task is called", () => {
  const log = new TaskLog();
  for (const event of simulate(DEFINITION).events) log.add(event);
  const tree = treeLines(log, 0, 80).map((line) => line.replace(/✓ (\S+).*$/, "$1"));
  assert.deepEqual(tree, [
    "loop",
    "  404",
    "    greet",
    "      hello",
    "      deeper",
    "        inner",
    "last",
    "  inner",
  ]);
});
