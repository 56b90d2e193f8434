/** `millrace schedule …` with a server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { definition, folder, millrace, serve } from "./command.ts";

test("dev: a schedule is created, shown, changed, paused, triggered, filled up and deleted", async (t) => {
  const { url } = await serve(t, ["dev", "--port", "0", "--data-dir", folder(t)]);
  const schedule = (...words: readonly (string | readonly string[])[]) =>
    millrace(["schedule", ...words.flat()], { env: { MILLRACE_URL: url } });
  const flow = definition(t, `do: [ { greet: { set: { message: '\${ "Hello " + .name }' } } } ]\n`);
  await millrace(["apply", flow], { env: { MILLRACE_URL: url } });

  const made = await schedule(
    ["create", "yearly", "--workflow", "test/flow@1.0.0", "--cron", "@yearly"],
    ["--time-zone", "Europe/Lisbon", "--input", '{"name":"you"}', "--jitter", "90s"],
  );
  assert.equal(made.stderr, "");
  assert.match(made.stdout, /^yearly: next \d{4}-01-01 00:00:00 UTC\n$/);
  const conflict = await schedule("create", "yearly", "-w", "test/flow", "--cron", "@daily");
  assert.equal(conflict.code, 1);
  assert.match(conflict.stderr, /there is a schedule yearly already \(schedule-conflict\)/);

  const file = join(folder(t), "hourly.schedule.yaml");
  writeFileSync(
    file,
    "name: hourly\nworkflow: { namespace: test, name: flow }\nevery: { hours: 1 }\npaused: { note: not yet }\n",
  );
  const hourly = await schedule("create", "-f", file, "--overlap", "bufferOne");
  assert.equal(hourly.stdout, "hourly: paused (not yet)\n");

  const list = await schedule("list", "--workflow", "test/flow");
  assert.match(list.stdout, /^NAME +WORKFLOW +TRIGGER +TIME ZONE +STATE\n/);
  assert.match(list.stdout, /^hourly +test\/flow +every PT1H +UTC +paused \(not yet\)$/m);
  const active = await schedule("list", "--active", "-o", "json");
  assert.deepEqual(
    (JSON.parse(active.stdout) as { name: string }[]).map(({ name }) => name),
    ["yearly"],
  );
  const get = await schedule("get", "yearly");
  assert.match(get.stdout, /^Trigger +@yearly$/m);
  assert.match(get.stdout, /^jitter +PT1M30S$/m);

  await schedule("update", "yearly", "--every", "2h", "--catch-up", "none");
  const { stdout } = await schedule("get", "yearly", "-o", "json");
  const { spec } = JSON.parse(stdout) as { spec: Record<string, unknown> };
  assert.deepEqual([spec["every"], spec["cron"]], ["PT2H", undefined]);
  assert.deepEqual([spec["catchUp"], spec["jitter"]], ["none", "PT1M30S"]);

  const paused = await schedule("pause", "yearly", "hourly", "--note", "for the audit");
  assert.equal(paused.stdout, "yearly: paused (for the audit)\nhourly: paused (for the audit)\n");
  const triggered = await schedule(
    "trigger",
    "yearly",
    "--input",
    '{"name":"Ada"}',
    "--wait",
    "30s",
  );
  assert.deepEqual(JSON.parse(triggered.stdout), { message: "Hello Ada" });
  assert.match((await schedule("resume", "yearly")).stdout, /^yearly: next /);

  const preview = await schedule("preview", "hourly", "--after", "2030-01-01T00:00:00Z", "-n", "2");
  assert.equal(preview.stdout.trimEnd().split("\n").length, 3);
  const backfill = await schedule([
    "backfill",
    "yearly",
    "--from",
    "2020-01-01T00:00:00Z",
    "--until",
    "2020-01-01T00:00:01Z",
  ]);
  assert.match(backfill.stdout, /^yearly: \d times; `millrace schedule decisions yearly`/);
  const decided = await schedule("decisions", "yearly", "--outcome", "started", "-o", "json");
  const [decision] = JSON.parse(decided.stdout) as { origin: string; instanceId: string }[];
  assert.equal(decision?.origin, "trigger");
  assert.match((await schedule("decisions", "yearly")).stdout, /trigger +started +[0-9A-Z]{26} /);

  const deleted = await schedule("delete", "yearly", "yearly");
  assert.equal(deleted.code, 1);
  assert.match(deleted.stderr, /^yearly: deleted\nmillrace: there is no schedule yearly/);
});
