/** The service of payloads over the database alone. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import { FRESH } from "../../src/payloads/service.ts";
import { ManualClock } from "../../src/workers/testing-clock.ts";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1, 20, 1_048_575];
let stand: PayloadStand;
before(async () => {
  stand = await payloadStand(SIZES);
});
after(() => stand.stop());

payloadsSuite("database", SIZES, () => stand);

test("who reads a payload that was not looked at for a while gets it, also while others ask whether it is there", async () => {
  const clock = new ManualClock();
  const aging = await payloadStand([], {}, clock);
  try {
    const service = await aging.fresh();
    const bytes = randomBytes(300);
    const { digest } = await service.keep("a", bytes);
    for (const _ of [1, 2, 3]) {
      clock.pass(FRESH);
      // In one call of the database: the first wants no bytes, and knows of none.
      const [info, found] = await Promise.all([
        service.find("a", digest),
        service.read("a", digest),
      ]);
      assert.equal(info?.size, 300);
      assert.ok(found?.bytes.equals(bytes));
    }
    assert.equal(service.figures.corrupt, 0);
  } finally {
    await aging.stop();
  }
});
