/** The service of payloads over the database and a local directory, by size. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1_023, 1_024, 3_000_000];
let stand: PayloadStand;
before(async () => {
  stand = await payloadStand(SIZES, { MILLRACE_PAYLOAD_STORES: "database<1KiB,directory" });
});
after(() => stand.stop());

payloadsSuite("database and directory", SIZES, () => stand);

test("payloads that users put and delete are counted, small and large ones", async () => {
  const service = await stand.fresh();
  for (const size of SIZES) {
    const { digest } = await service.keep("counted", randomBytes(size));
    await service.read("counted", digest);
    await service.release("counted", digest);
    await service.release("counted", digest);
  }
  const { kept, released, hits, corrupt } = service.figures;
  assert.deepEqual([kept, released, corrupt], [4, 4, 0]);
  assert.equal(hits, 2, "the two small ones were read from memory");
});
