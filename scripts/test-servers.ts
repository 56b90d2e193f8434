/** Builds what tests start and no package manager brings ready to run, unless it is there. Takes minutes, once. */
import { buildS3Server } from "@millrace/testkit/payloads";

console.log(buildS3Server());
