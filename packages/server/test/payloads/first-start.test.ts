/** The first start of a server, over an empty database and an empty folder. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { createDatabase } from "@millrace/testkit";
import { loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/logger.ts";
import { startServer } from "../../src/main.ts";

test("the sweeper begins when the stores are ready, and finds nothing to complain of in them", async () => {
  const database = await createDatabase();
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-payloads-"));
  const complaints: string[] = [];
  // Of stores alone: other services may well complain of a busy machine.
  const complain = (fields: object, said: string): void => {
    if ("store" in fields) complaints.push(`${said}: ${inspect(fields)}`);
  };
  const log = { ...silentLogger, warn: complain, error: complain };
  const environment = {
    MILLRACE_PAYLOAD_STORES: "database<1MiB,directory",
    MILLRACE_PAYLOAD_DIRECTORY: folder,
  };
  const config = loadConfig(environment, { databaseUrl: database.url, port: 0, exclusive: true });
  const server = await startServer(config, { log });
  try {
    const url = `${server.url}/metrics`;
    // The last thing of the first pass.
    const looked = /^millrace_payload_unknown_blobs\{store="directory"\} 0$/m;
    while (!looked.test(await (await fetch(url)).text()))
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      complaints.map((each) => inspect(each)),
      [],
    );
  } finally {
    await server.stop();
    await database.drop();
    rmSync(folder, { recursive: true });
  }
});
