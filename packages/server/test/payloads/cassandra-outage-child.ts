/** `node cassandra-outage-child.ts URL`: says when it is connected; lives through an outage, closes its store, and ends by itself. */
import { setTimeout as wait } from "node:timers/promises";
import { newKey } from "@millrace/server/ports";
import { cassandraSettings } from "../../src/payloads/cassandra/settings.ts";
import { openCassandraStore } from "../../src/payloads/cassandra/store.ts";

const store = openCassandraStore(cassandraSettings(process.argv[2] ?? ""));
const answers = (): Promise<boolean> =>
  store.get(newKey()).then(
    () => true,
    () => false,
  );
await store.prepare();
process.send?.("connected");
while (await answers()) await wait(50);
while (!(await answers())) await wait(50);
await store.close();
process.disconnect();
