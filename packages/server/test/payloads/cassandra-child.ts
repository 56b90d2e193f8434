/** `node cassandra-child.ts URL KEY`: uploads half of a blob, says so over the channel, and waits to be killed. */
import { hanging, MIB, randomBody } from "@millrace/testkit/payloads";
import { cassandraSettings } from "../../src/payloads/cassandra/settings.ts";
import { openCassandraStore } from "../../src/payloads/cassandra/store.ts";

const [url = "", key = ""] = process.argv.slice(2);
const store = openCassandraStore(cassandraSettings(url));
const { body, hangs } = hanging(randomBody(9 * MIB));
process.once("disconnect", () => process.exit(1));
void store.put(key, body);
await hangs;
process.send?.("half");
