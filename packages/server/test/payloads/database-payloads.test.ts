/** The service of payloads over the database alone. */
import { after, before } from "node:test";
import { payloadsSuite } from "@millrace/testkit/payloads-suite";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [0, 1, 20, 1_048_575];
let stand: PayloadStand;
before(async () => {
  stand = await payloadStand(SIZES);
});
after(() => stand.stop());

payloadsSuite("database", SIZES, () => stand);
