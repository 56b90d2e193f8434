/** Schedules by the client, on a real server. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createDatabase } from "@millrace/testkit";
import { loadConfig, silentLogger, startServer } from "@millrace/server";
import { MillraceClient, MillraceError } from "./index.ts";

const HELLO = `document: { dsl: '1.0.3', namespace: test, name: hello, version: '1.0.0' }
do: [ { greet: { set: { message: '\${ "Hello " + .name }' } } } ]`;

async function connected(t: TestContext): Promise<MillraceClient> {
  const database = await createDatabase();
  const config = loadConfig({}, { databaseUrl: database.url, port: 0 });
  const server = await startServer(config, { log: silentLogger });
  t.after(async () => {
    await server.stop();
    await database.drop();
  });
  const client = new MillraceClient({ url: server.url });
  await client.workflows.apply(HELLO);
  return client;
}

const is = (code: string) => (error: unknown) =>
  error instanceof MillraceError && error.code === code;

test("a schedule through its life, by the client", async (t) => {
  const { schedules, instances } = await connected(t);
  const workflow = { namespace: "test", name: "hello" };
  const made = await schedules.create({
    name: "yearly",
    workflow,
    cron: "@yearly",
    input: { name: "you" },
    excludedDates: ["2027-01-01"],
    paused: { note: "not yet" },
  });
  assert.equal(made.paused?.note, "not yet");
  assert.deepEqual((await schedules.resume("yearly", { note: "now" })).paused, undefined);
  const changed = await schedules.update("yearly", { ...made.spec, timeZone: "Europe/Lisbon" });
  assert.deepEqual(changed.spec, { ...made.spec, timeZone: "Europe/Lisbon" });
  assert.deepEqual(await schedules.get("yearly"), changed);

  const { items } = await schedules.preview("yearly", {
    count: 2,
    after: new Date("2026-12-01T00:00:00Z"),
  });
  const shown = items.map(({ local, excluded }) => [local, excluded]);
  assert.deepEqual(shown, [
    ["2027-01-01T00:00:00Z", true],
    ["2028-01-01T00:00:00Z", false],
  ]);
  const written = await schedules.previewSpec(changed.spec, { count: 1 });
  assert.equal(written.items.length, 1);

  const key = { idempotencyKey: "k" };
  const first = await schedules.trigger("yearly", { ...key, input: { name: "Ada" } });
  assert.deepEqual(await schedules.trigger("yearly", key), { id: first.id, created: false });
  assert.notEqual((await schedules.trigger("yearly")).id, first.id);
  assert.deepEqual((await instances.wait(first.id)).output, { message: "Hello Ada" });

  const stretch = { from: new Date("2020-01-01T00:00:00Z"), until: new Date("2021-12-01") };
  assert.deepEqual(await schedules.backfill("yearly", { ...stretch, overlap: "bufferAll" }), {
    times: 2,
  });
  const started: string[] = [];
  while (started.length < 4) {
    started.length = 0;
    for await (const { origin } of schedules.decisions("yearly", { outcome: "started", limit: 1 }))
      started.push(origin);
  }
  assert.deepEqual(started, ["trigger", "trigger", "backfill", "backfill"]);

  assert.equal((await schedules.pause("yearly")).paused?.by, "user");
  const found = await Array.fromAsync(
    schedules.list({ paused: true, workflow: "hello", limit: 1 }),
  );
  assert.deepEqual(
    found.map(({ name }) => name),
    ["yearly"],
  );
  await schedules.delete("yearly");
  await assert.rejects(schedules.get("yearly"), is("schedule-not-found"));
});

test("a schedule that is not valid is refused with every issue", async (t) => {
  const { schedules } = await connected(t);
  const wrong = { name: "wrong", workflow: { namespace: "test", name: "hello" }, cron: "x" };
  await assert.rejects(schedules.create({ ...wrong, timeZone: "Lisbon" }), (error) => {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, "schedule-invalid");
    assert.deepEqual(error.problem?.issues?.map(({ path }) => path).toSorted(), [
      "cron",
      "timeZone",
    ]);
    return true;
  });
});
