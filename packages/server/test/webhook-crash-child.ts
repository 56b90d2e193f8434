/** A server to be killed: starts instances without end, and prints the id of each one that was acknowledged. */
import { writeSync } from "node:fs";
import { loadConfig, silentLogger, startServer } from "@millrace/server";
import { start } from "./harness.ts";
import { SETTINGS } from "./webhook-stand.ts";

const [databaseUrl = ""] = process.argv.slice(2);
const config = loadConfig({ ...SETTINGS, MILLRACE_PORT: "0" }, { databaseUrl, exclusive: true });
const { runtime } = await startServer(config, { log: silentLogger });
const starter = async (): Promise<void> => {
  for (;;) {
    const { id } = await start(runtime, "hello", { name: "Ada" });
    writeSync(1, `${id}\n`);
  }
};
await Promise.all(Array.from({ length: 8 }, starter));
