import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptThings } from "./kept.ts";

test("what is kept is made once for each way of opening it, and all of it is closed", async () => {
  const closed: string[] = [];
  let opened = 0;
  const connections = (name: string) => {
    opened += 1;
    return { name, close: () => void closed.push(name) };
  };
  const failing = () => ({ close: () => Promise.reject(new Error("stuck")) });
  const kept = new KeptThings<string>();
  const first = kept.get(connections, "a");
  assert.equal(kept.get(connections, "a"), first);
  kept.get(failing, "a");
  await assert.rejects(kept.close(), AggregateError);
  assert.deepEqual([opened, closed], [1, ["a"]]);
  await kept.close();
  assert.deepEqual(closed, ["a"]);
});
