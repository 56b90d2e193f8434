/** The service of payloads over the database and a local directory, by size. */
import { after, before } from "node:test";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1_023, 1_024, 3_000_000];
let stand: PayloadStand;
before(async () => {
  stand = await payloadStand(SIZES, { MILLRACE_PAYLOAD_STORES: "database<1KiB,directory" });
});
after(() => stand.stop());

payloadsSuite("database and directory", SIZES, () => stand);
