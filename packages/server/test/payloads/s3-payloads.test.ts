/** The service of payloads over the database and a real server of S3, by size; configured as an operator does. */
import { after, before, describe } from "node:test";
import { MIB, type S3Server, s3Unavailable, startS3 } from "@millrace/testkit/payloads";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1_023, 1_024, 9 * MIB];

describe("payloads in S3", { skip: s3Unavailable() }, () => {
  let server: S3Server;
  let stand: PayloadStand;
  before(async () => {
    server = await startS3();
    const { url, bucket, region, credentials } = server;
    process.env["AWS_ACCESS_KEY_ID"] = credentials.accessKeyId;
    process.env["AWS_SECRET_ACCESS_KEY"] = credentials.secretAccessKey;
    stand = await payloadStand(SIZES, {
      MILLRACE_PAYLOAD_STORES: "database<1KiB,s3",
      MILLRACE_PAYLOAD_S3: `s3://${bucket}/payloads?endpoint=${url}&region=${region}`,
    });
  });
  after(async () => {
    await stand.stop();
    await server.stop();
  });
  payloadsSuite("database and S3", SIZES, () => stand);
});
