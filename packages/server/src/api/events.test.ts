import assert from "node:assert/strict";
import test from "node:test";
import { startTestApi } from "@millrace/testkit/api";
import { MAX_BATCH } from "../events/cloudevents.ts";

const PAID = { specversion: "1.0", id: "1", source: "/shop", type: "order.paid" };
const STRUCTURED = { "content-type": "application/cloudevents+json; charset=utf-8" };
const BATCH = { "content-type": "application/cloudevents-batch+json" };
const BINARY = {
  "ce-specversion": "1.0",
  "ce-id": "b1",
  "ce-source": "/shop",
  "ce-type": "order.paid",
};

type Refusal = { status: number; code: string; issues?: { path: string; message: string }[] };

async function refusal(response: Response): Promise<Refusal> {
  return (await response.json()) as Refusal;
}

test("structured mode: one event; a known source and id is a duplicate", async (t) => {
  const { post, runtime } = await startTestApi(t);
  const event = {
    ...PAID,
    time: "2026-11-05T12:00:00Z",
    data: { total: 3 },
    traceparent: "00-1",
    level: 3,
  };
  const first = await post("/v1/events", { ...event, subject: null }, STRUCTURED);
  assert.equal(first.status, 202);
  assert.deepEqual(await first.json(), { accepted: 1, duplicates: 0 });
  assert.deepEqual([...runtime.events.values()], [event], "a null attribute is absent");
  const again = await post("/v1/events", event, STRUCTURED);
  assert.deepEqual(await again.json(), { accepted: 0, duplicates: 1 });
});

test("batched mode: all or nothing", async (t) => {
  const { post, runtime } = await startTestApi(t);
  const batch = [PAID, { ...PAID, id: "2" }, { ...PAID, source: "/bank" }, PAID];
  const taken = await post("/v1/events", batch, BATCH);
  assert.deepEqual(await taken.json(), { accepted: 3, duplicates: 1 });
  assert.deepEqual(await (await post("/v1/events", [], BATCH)).json(), {
    accepted: 0,
    duplicates: 0,
  });

  const spoilt = await refusal(
    await post("/v1/events", [{ ...PAID, id: "9" }, { id: "10" }], BATCH),
  );
  assert.equal(spoilt.code, "invalid-event");
  assert.deepEqual(
    spoilt.issues?.map(({ path }) => path),
    ["[1].source", "[1].specversion", "[1].type"],
  );
  assert.equal(runtime.events.size, 3);
  assert.equal((await post("/v1/events", PAID, BATCH)).status, 400);
  const many = Array.from({ length: MAX_BATCH + 1 }, (_, id) => ({ ...PAID, id: `${id}` }));
  assert.equal((await post("/v1/events", many, BATCH)).status, 413);
});

test("binary mode: attributes from headers, data as its media type says", async (t) => {
  const { call, runtime } = await startTestApi(t);
  const send = async (
    id: string,
    body: string | Buffer<ArrayBuffer> | undefined,
    headers: Record<string, string>,
  ) => {
    const response = await call("/v1/events", {
      method: "POST",
      headers: { ...BINARY, "ce-id": id, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    assert.equal(response.status, 202, id);
    return [...runtime.events.values()].at(-1);
  };
  const attributes = { specversion: "1.0", source: "/shop", type: "order.paid" };
  assert.deepEqual(await send("json", '{"a":1}', { "content-type": "application/vnd.shop+json" }), {
    ...attributes,
    id: "json",
    datacontenttype: "application/vnd.shop+json",
    data: { a: 1 },
  });
  assert.deepEqual(
    await send("text", "gr\u00fc\u00df", { "content-type": "text/plain;charset=utf-8" }),
    {
      ...attributes,
      id: "text",
      datacontenttype: "text/plain;charset=utf-8",
      data: "gr\u00fc\u00df",
    },
  );
  assert.deepEqual(await send("bytes", Buffer.from([0, 255]), { "content-type": "image/png" }), {
    ...attributes,
    id: "bytes",
    datacontenttype: "image/png",
    data_base64: "AP8=",
  });
  assert.deepEqual(
    await send("none", undefined, { "ce-subject": "caf%C3%A9%20%22x%22", "ce-traceid": '"q"' }),
    {
      ...attributes,
      id: "none",
      subject: 'caf\u00e9 "x"',
      traceid: "q",
    },
  );
});

test("every rule of an attribute is checked, and the issue names it", async (t) => {
  const { post, runtime } = await startTestApi(t);
  const bad: [Record<string, unknown>, string][] = [
    [{ id: "" }, "id"],
    [{ id: 7 }, "id"],
    [{ id: null }, "id"],
    [{ source: "not a uri" }, "source"],
    [{ source: "%zz" }, "source"],
    [{ specversion: "0.3" }, "specversion"],
    [{ type: "" }, "type"],
    [{ time: "yesterday" }, "time"],
    [{ time: "2026-13-05T12:00:00Z" }, "time"],
    [{ time: "2026-11-05" }, "time"],
    [{ dataschema: "relative" }, "dataschema"],
    [{ datacontenttype: "json" }, "datacontenttype"],
    [{ data_base64: "@@@" }, "data_base64"],
    [{ data: 1, data_base64: "AP8=" }, "data_base64"],
    [{ Camel: "x" }, "Camel"],
    [{ nested: { a: 1 } }, "nested"],
    [{ huge: 2 ** 40 }, "huge"],
    [{ id: "a\0" }, "id"],
    [{ id: "\ud800" }, "id"],
    [{ id: "x".repeat(1_025) }, "id"],
    [{ id: "\u20ac".repeat(342) }, "id"],
    [{ source: `/${"x".repeat(1_024)}` }, "source"],
    [{ source: "/\0" }, "source"],
    [{ type: "a\u009f" }, "type"],
    [{ type: "x".repeat(1_025) }, "type"],
    [{ subject: "\ufdd0" }, "subject"],
    [{ trace: "\u0007" }, "trace"],
  ];
  for (const [change, path] of bad) {
    const response = await post("/v1/events", { ...PAID, ...change }, STRUCTURED);
    const problem = await refusal(response);
    assert.equal(problem.code, "invalid-event", JSON.stringify(change));
    assert.ok(
      problem.issues?.every((issue) => issue.path === path),
      JSON.stringify(problem.issues),
    );
  }
  assert.equal(runtime.events.size, 0);
});

test("what is in none of the three modes is told so", async (t) => {
  const { post } = await startTestApi(t);
  assert.equal((await refusal(await post("/v1/events", PAID))).code, "invalid-event");
  const xml = await post("/v1/events", "<x/>", { "content-type": "application/cloudevents+xml" });
  assert.equal(xml.status, 415);
  const broken = await post("/v1/events", "{", STRUCTURED);
  assert.equal((await refusal(broken)).code, "invalid-body");
  const encoded = await post("/v1/events", "1", { ...BINARY, "ce-subject": "%E0%A4%A" });
  assert.equal((await refusal(encoded)).issues?.[0]?.path, "ce-subject");
  const data = await post("/v1/events", "1", { ...BINARY, "ce-data": "x" });
  assert.equal((await refusal(data)).issues?.[0]?.path, "ce-data");
});
