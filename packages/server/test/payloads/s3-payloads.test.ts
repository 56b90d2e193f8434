/** The service of payloads over the database and a real server of S3, by size; configured as an operator does. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { MIB, type S3Server, s3Unavailable, startS3 } from "@millrace/testkit/payloads";
import { bytesOf, payloadsSuite } from "@millrace/testkit/payloads-suite";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1_023, 1_024, 9 * MIB];

function configured({ url, bucket, region }: S3Server): Readonly<Record<string, string>> {
  return {
    MILLRACE_PAYLOAD_STORES: "database<1KiB,s3",
    MILLRACE_PAYLOAD_S3: `s3://${bucket}/payloads?endpoint=${url}&region=${region}`,
  };
}

describe("payloads in S3", { skip: s3Unavailable() }, () => {
  let server: S3Server;
  let stand: PayloadStand;
  before(async () => {
    server = await startS3();
    const { credentials } = server;
    process.env["AWS_ACCESS_KEY_ID"] = credentials.accessKeyId;
    process.env["AWS_SECRET_ACCESS_KEY"] = credentials.secretAccessKey;
    stand = await payloadStand(SIZES, configured(server));
  });
  after(async () => {
    await stand.stop();
    await server.stop();
  });
  payloadsSuite("database and S3", SIZES, () => stand);

  test("a reader whose store goes away half-way gets the rest from the mirror", async () => {
    const mirrored = await payloadStand([], {
      ...configured(server),
      MILLRACE_PAYLOAD_MIRROR: "directory",
    });
    try {
      const service = await mirrored.fresh();
      const bytes = randomBytes(40 * MIB);
      const { digest } = await service.keep("a", bytes);
      const ranges = [undefined, { first: 1_000, last: bytes.length - 1_000 }];
      const open = ranges.map((range) => service.open("a", digest, range));
      const bodies = (await Promise.all(open)).map((each) => each!.body);
      await Promise.all(bodies.map((body) => once(body, "readable")));
      await server.kill();
      const [whole, part] = await Promise.all(bodies.map(bytesOf));
      assert.ok(whole?.equals(bytes));
      assert.ok(part?.equals(bytes.subarray(1_000, bytes.length - 999)));
      assert.equal(service.figures.corrupt, 0);
    } finally {
      await server.restart();
      await mirrored.stop();
    }
  });
});
