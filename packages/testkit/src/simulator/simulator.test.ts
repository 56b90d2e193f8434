import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, runSeeds, simulateSeed } from "./index.ts";

test("a thousand seeds keep every invariant and take every rare path", async () => {
  const { seeds, tally, failures } = await runSeeds({ first: 1, count: 1000 });
  const [failure] = failures;
  if (failure !== undefined)
    assert.fail(
      [
        `${failures.length} seeds failed; npm run test:sim -- --seed ${failure.seed} replays the first:`,
        failure.violation,
        ...failure.trace.slice(-30),
      ].join("\n"),
    );
  assert.equal(seeds, 1000);
  assert.deepEqual(missing(tally), []);
});

test("the same seed gives the same simulation, byte for byte; another gives another", async () => {
  const digests = new Set<string>();
  for (let seed = 1; seed <= 30; seed += 1) {
    const [first, second] = [await simulateSeed(seed), await simulateSeed(seed)];
    assert.equal(second.digest, first.digest);
    assert.deepEqual(second.tally, first.tally);
    digests.add(first.digest);
  }
  assert.equal(digests.size, 30);
});
