/** Events with large data, from where they come in to where they go. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import { readEvents } from "../../src/events/cloudevents.ts";
import { document, start } from "../harness.ts";
import { digestOf, largeStand, scan } from "./large-stand.ts";

const WAIT = 30_000;
const SIZE = 300_000;
const HEARS = `${document("hears")}
do:
  - hear:
      listen:
        to:
          one:
            with: { type: scanned }
            correlate: { of: { from: .data.name, expect: "\${ .of }" } }
    `.trimEnd();
const EMITS = `${document("emits")}
do:
  - tell:
      emit:
        event:
          with:
            source: /emits
            type: scanned
            data: { name: "\${ .name }", lines: "\${ .lines }" }`;
const ODD = `${document("odd")}
do:
  - tell:
      emit:
        event:
          with: { source: /odd, type: odd, data: 1, $refs: [ [ [ data ], "\${ .digest }", 5 ] ] }`;
const HEARS_ODD = `${document("hears-odd")}
do: [ { hear: { listen: { to: { one: { with: { type: odd } } } } } } ]`;

const s = await largeStand([HEARS, EMITS, ODD, HEARS_ODD]);
after(() => s.stop());

const event = (id: string, data: Json): JsonObject => ({
  specversion: "1.0",
  id,
  source: "/test",
  type: "scanned",
  data,
});
async function output(id: string): Promise<Json | undefined> {
  const view = await s.runtime.waitInstance(id, WAIT);
  assert.equal(view.status, "completed", JSON.stringify(view.error));
  return view.output;
}
async function listens(name: string, input: Json): Promise<string> {
  const { id } = await start(s.runtime, name, input);
  for await (const { kind } of s.runtime.watch(id, 0)) if (kind === "task.started") break;
  return id;
}
const rowOf = (id: string): Promise<string> =>
  s.text("SELECT event AS text FROM events WHERE direction = 'received' AND event_id = $1", [id]);

test("an event with large data reaches who waits, and who comes later, and is stored once", async () => {
  const data = scan("both", SIZE);
  const digest = await digestOf(data["lines"] ?? null);
  const early = await listens("hears", { of: "both" });
  assert.deepEqual(await s.runtime.publishEvents([event("both", data)]), {
    accepted: 1,
    duplicates: 0,
  });
  assert.deepEqual(await output(early), [data]);
  const late = await listens("hears", { of: "both" });
  assert.deepEqual(await output(late), [data]);
  const row = await rowOf("both");
  assert.ok(row.length < 1000, row);
  const holder = await s.text("SELECT id AS text FROM events WHERE event_id = 'both'", []);
  assert.deepEqual(await s.refs(holder), [digest]);
  for (const id of [early, late]) assert.deepEqual(await s.refs(id), [digest]);
  assert.equal((await s.stored()).filter((each) => each.digest === digest).length, 1);
  assert.deepEqual(await s.runtime.publishEvents([event("both", data)]), {
    accepted: 0,
    duplicates: 1,
  });
});

test("what a workflow emits is whole for whoever listens, and small in the rows of events", async () => {
  const data = scan("emitted", SIZE);
  const digest = await digestOf(data["lines"] ?? null);
  const target = await listens("hears", { of: "emitted" });
  const { id } = await start(s.runtime, "emits", data);
  assert.equal((await s.runtime.waitInstance(id, WAIT)).status, "completed");
  assert.deepEqual(await output(target), [data]);
  const { rows } = await s.pool.query<{ id: string; event: string; direction: string }>(
    "SELECT id, event, direction FROM events WHERE source = '/emits' ORDER BY direction",
  );
  assert.deepEqual(
    rows.map(({ direction }) => direction),
    ["emitted", "received"],
  );
  for (const row of rows) {
    assert.ok(row.event.length < 2000, row.event);
    assert.deepEqual(await s.refs(row.id), [digest]);
  }
});

test("an attribute that looks like a reference of ours is none, wherever it comes from", async () => {
  const data = scan("odd", SIZE);
  const digest = await digestOf(data["lines"] ?? null);
  await s.runtime.publishEvents([event("odd", data)]);
  const target = await listens("hears-odd", {});
  await start(s.runtime, "odd", { digest });
  assert.deepEqual(await output(target), [1]);
  const other = await listens("hears", { of: "sly" });
  const sly = { ...event("sly", { name: "sly" }), $refs: [[["data", "name"], digest, 5]] };
  await s.runtime.publishEvents([sly]);
  assert.deepEqual(await output(other), [{ name: "sly" }]);
  assert.equal((await rowOf("sly")).includes("$refs"), false);
  assert.deepEqual(await s.refs(other), []);
  const headers = { "content-type": "application/cloudevents+json" };
  const body = Buffer.from(JSON.stringify({ ...sly, id: "sly 2" }));
  assert.throws(
    () => readEvents({ headers, body }),
    /\$refs: attribute names have 1 to 20 lower-case letters and digits/,
  );
});
