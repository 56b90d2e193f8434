/** `millrace webhook` and `millrace channel` against a server. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { loadConfig, silentLogger, startServer } from "@millrace/server";
import { createDatabase } from "@millrace/testkit";
import { millrace } from "./command.ts";

test("webhooks and channels are made, shown, changed, tried and deleted by command", async (t) => {
  const database = await createDatabase();
  const settings = {
    MILLRACE_PORT: "0",
    MILLRACE_EGRESS_ALLOW_LOOPBACK: "true",
    MILLRACE_MASTER_KEY: Buffer.alloc(32, 7).toString("base64"),
  };
  const config = loadConfig(settings, { databaseUrl: database.url });
  const server = await startServer(config, { log: silentLogger });
  const receiver = createServer((_, response) => void response.writeHead(204).end());
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    receiver.close();
    await server.stop();
    await database.drop();
  });
  const run = (...words: string[]) =>
    millrace(words, {
      env: { MILLRACE_URL: server.url },
      stdin: '{"username":"u","password":"p"}',
    });
  const to = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;

  const created = await run(
    "webhook",
    "create",
    "audit",
    "--to",
    to,
    "--type",
    "com.*",
    "--header",
    "x-a: 1",
  );
  assert.equal(created.code, 0, created.stderr);
  assert.match(created.stdout, /^whsec_\S+\n$/);
  const listed = JSON.parse((await run("webhook", "list", "-o", "json")).stdout);
  assert.deepEqual(
    [listed[0].name, listed[0].filter, listed[0].headers],
    ["audit", { types: ["com.*"] }, ["x-a"]],
  );
  assert.match((await run("webhook", "list")).stdout, /^NAME +STATUS +TO +TYPES\naudit +works /);
  assert.match((await run("webhook", "test", "audit")).stdout, /^audit: answered 204 after /);
  assert.equal((await run("webhook", "update", "audit", "--pause", "--max-delay", "10m")).code, 0);
  const shown = JSON.parse((await run("webhook", "get", "audit")).stdout);
  assert.deepEqual([shown.paused, shown.retry.maxDelay], [true, "PT10M"]);
  assert.equal((await run("webhook", "deliveries", "audit")).stdout, "no dead letters\n");
  assert.match((await run("webhook", "replay", "audit")).stderr, /audit: 0 on their way again/);
  assert.match((await run("webhook", "delete", "audit")).stderr, /audit: deleted/);
  const gone = await run("webhook", "get", "audit");
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  assert.match(gone.stderr, /there is no webhook audit/);
  const bare = await run("webhook", "create", "audit", "--to", to);
  assert.deepEqual([bare.code, bare.stderr.includes("--type: required")], [2, true]);

  const channel = [
    "channel",
    "create",
    "orders",
    "--direction",
    "out",
    "--type",
    "com.*",
    "--credentials",
  ];
  const made = await run(
    ...channel,
    "--broker",
    "nats://127.0.0.1:1",
    "--address",
    "orders",
    "-o",
    "json",
  );
  assert.equal(made.code, 0, made.stderr);
  assert.equal(JSON.parse(made.stdout).credentials, true);
  assert.match(
    (await run("channel", "list")).stdout,
    /orders +works +out nats:\/\/127.0.0.1:1 orders +com/,
  );
  const wrong = await run("channel", "update", "orders", "--broker", "gopher://x:1");
  assert.match(wrong.stderr, /broker: has the scheme gopher/);
  assert.equal((await run("channel", "delete", "orders")).code, 0);
});
