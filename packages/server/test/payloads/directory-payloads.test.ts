/** The service of payloads over the database and a local directory, by size. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
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

/** Files of the folder that this process has open. */
function openFiles(): readonly string[] {
  const target = (fd: string): string => {
    try {
      return readlinkSync(join("/proc/self/fd", fd));
    } catch {
      return "";
    }
  };
  return readdirSync("/proc/self/fd")
    .map(target)
    .filter((path) => path.startsWith(stand.folder));
}

test("a reader that leaves leaves no file open, also when it never began", {
  skip: process.platform === "linux" ? false : "looks into /proc",
}, async () => {
  const service = await stand.fresh();
  const { digest } = await service.keep("leaving", randomBytes(3_000_000));
  for (const range of [undefined, { first: 10, last: 2_000_000 }]) {
    const never = await service.open("leaving", digest, range);
    const once = await service.open("leaving", digest, range);
    assert.equal(openFiles().length, 2);
    never?.body.destroy();
    for await (const _ of once!.body) break;
    for (let round = 0; round < 500 && openFiles().length > 0; round++) await wait(10);
    assert.deepEqual(openFiles(), []);
  }
});
