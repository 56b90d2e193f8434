/** `millrace event publish` against a server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, silentLogger, startServer } from "@millrace/server";
import { createDatabase } from "@millrace/testkit";
import { definition, folder, millrace } from "./command.ts";

const LISTENS = `do:
  - paid:
      listen:
        to:
          one:
            with: { type: com.shop.paid }
            correlate: { order: { from: .data.order, expect: '\${ .order }' } }
`;

test("events are published by command, and known when they come again", async (t) => {
  const database = await createDatabase();
  const config = loadConfig({ MILLRACE_PORT: "0" }, { databaseUrl: database.url });
  const server = await startServer(config, { log: silentLogger });
  t.after(async () => {
    await server.stop();
    await database.drop();
  });
  const run = (words: readonly string[], stdin = "") =>
    millrace(words, { env: { MILLRACE_URL: server.url }, stdin });
  await run(["apply", definition(t, LISTENS, "listens")]);
  const id = (await run(["start", "test/listens", "--input", '{"order":7}'])).stdout.trim();

  const paid = ["event", "publish", "--type", "com.shop.paid", "--source", "/till", "--id", "1"];
  const published = await run([...paid, "--data", '{"order":7,"amount":3}']);
  const said = "1 accepted, 0 known already\n";
  assert.deepEqual(published, { code: 0, stdout: said, stderr: "" });
  const again = await run([...paid, "-o", "json"]);
  assert.deepEqual(JSON.parse(again.stdout), { accepted: 0, duplicates: 1 });
  await run(["history", id, "--follow"]);
  const ended = JSON.parse((await run(["describe", id, "-o", "json"])).stdout);
  assert.deepEqual([ended.status, ended.output], ["completed", [{ order: 7, amount: 3 }]]);

  const one = { specversion: "1.0", id: "2", source: "/till", type: "com.shop.paid" };
  const list = JSON.stringify([one, { ...one, id: "3" }]);
  assert.match((await run(["event", "publish", "-f", "-"], list)).stdout, /^2 accepted, 0 /);
  const file = join(folder(t), "events.json");
  writeFileSync(
    file,
    JSON.stringify([
      { ...one, id: "4" },
      { ...one, id: "5", source: undefined },
    ]),
  );
  const refused = await run(["event", "publish", "--file", file]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /source/);
  assert.match((await run([...paid.slice(0, -1), "4"])).stdout, /^1 accepted/, "none was taken");
});

test("bad options of event publish are named before a server is asked", async () => {
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await millrace(["event", "publish", ...words]);
    assert.deepEqual([code, stdout], [2, ""]);
    return stderr;
  };
  assert.match(await run(), /--type: required, such as/);
  assert.match(await run("--type", "a", "--data", "{"), /--data: .*; give JSON, or @file/);
  assert.match(await run("--type", "a", "--file", "x.json"), /--type: not together with --file/);
  assert.match(await run("--file", "/no/such.json"), /--file: .*ENOENT/);
});
