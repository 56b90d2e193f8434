import assert from "node:assert/strict";
import test from "node:test";
import { startTestApi } from "@millrace/testkit/api";

const ORDER = {
  document: { dsl: "1.0.3", namespace: "shop", name: "order", version: "1.0.0" },
  do: [],
};
const ORDER_YAML =
  "document:\n  dsl: 1.0.3\n  namespace: shop\n  name: pay\n  version: 2.0.0\ndo: []\n";

async function body(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

test("applying: 201 when new, 200 for the same content, 409 for other content", async (t) => {
  const { post } = await startTestApi(t);
  const created = await post("/v1/workflows", ORDER);
  assert.equal(created.status, 201);
  assert.equal(created.headers.get("location"), "/v1/workflows/shop/order/1.0.0");
  const workflow = await body(created);
  assert.deepEqual(workflow["definition"], ORDER);
  assert.equal(workflow["createdAt"], "2026-11-05T12:00:01.000Z");
  assert.equal(workflow["text"], undefined);

  assert.equal((await post("/v1/workflows", ORDER)).status, 200);

  const conflict = await post("/v1/workflows", { ...ORDER, do: [{ a: { set: {} } }] });
  assert.equal(conflict.status, 409);
  assert.equal((await body(conflict))["code"], "workflow-conflict");
});

test("a definition may be YAML or JSON, under each media type", async (t) => {
  const { post } = await startTestApi(t);
  const types = [
    "application/yaml",
    "text/yaml",
    "application/x-yaml",
    "text/plain",
    "text/yaml; charset=utf-8",
  ];
  for (const [index, type] of types.entries()) {
    const response = await post("/v1/workflows", ORDER_YAML, { "content-type": type });
    assert.equal(response.status, index === 0 ? 201 : 200, type);
  }
  const other = await post("/v1/workflows", ORDER_YAML, { "content-type": "application/xml" });
  assert.equal(other.status, 415);
  assert.equal((await body(other))["code"], "unsupported-media-type");
});

test("an invalid definition gives every issue with its place", async (t) => {
  const { post } = await startTestApi(t);
  const response = await post("/v1/workflows", "document: {}", { "content-type": "text/yaml" });
  assert.equal(response.status, 422);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = await body(response);
  assert.equal(problem["code"], "workflow-invalid");
  assert.deepEqual(problem["issues"], [
    { path: "document.version", line: 1, column: 1, message: "required" },
  ]);
});

test("an empty definition and one that is not UTF-8 are refused", async (t) => {
  const { post, call } = await startTestApi(t);
  const empty = await call("/v1/workflows", { method: "POST" });
  assert.equal((await body(empty))["code"], "invalid-body");
  const blank = await post("/v1/workflows", "  \n", { "content-type": "text/yaml" });
  assert.equal((await body(blank))["code"], "invalid-body");
  const latin = await call("/v1/workflows", {
    method: "POST",
    headers: { "content-type": "text/yaml" },
    body: Buffer.from([0x61, 0xe9, 0x62]),
  });
  assert.equal(latin.status, 400);
  assert.equal((await body(latin))["detail"], "the body is not UTF-8");
});

test("reading: the newest version, one version, as JSON or as the text applied", async (t) => {
  const { post, call } = await startTestApi(t);
  const older = ORDER_YAML.replace("2.0.0", "1.0.0");
  for (const text of [older, ORDER_YAML]) {
    await post("/v1/workflows", text, { "content-type": "text/yaml" });
  }
  const newest = await call("/v1/workflows/shop/pay");
  assert.equal((await body(newest))["version"], "2.0.0");
  assert.equal(newest.headers.get("vary"), "accept");

  const accepts = ["application/yaml", "text/yaml;q=0.9, application/json;q=0.5"];
  for (const accept of accepts) {
    const yaml = await call("/v1/workflows/shop/pay/1.0.0", { headers: { accept } });
    assert.equal(yaml.headers.get("content-type"), "application/yaml; charset=utf-8");
    assert.equal(await yaml.text(), older);
  }
  const picture = await call("/v1/workflows/shop/pay", { headers: { accept: "image/png" } });
  assert.equal(picture.status, 406);
  const absent = await call("/v1/workflows/shop/none");
  assert.equal(absent.status, 404);
  assert.equal((await body(absent))["code"], "workflow-not-found");
});

test("listing gives pages whose cursor leads to the next", async (t) => {
  const { post, call } = await startTestApi(t);
  for (const name of ["a", "b", "c"]) {
    await post("/v1/workflows", { ...ORDER, document: { ...ORDER.document, name } });
  }
  const first = await body(await call("/v1/workflows?limit=2"));
  const names = (page: Record<string, unknown>) =>
    (page["items"] as { name: string; definition?: unknown }[]).map((item) => item.name);
  assert.deepEqual(names(first), ["a", "b"]);
  const second = await body(
    await call(`/v1/workflows?limit=2&cursor=${String(first["nextCursor"])}`),
  );
  assert.deepEqual(names(second), ["c"]);
  assert.ok(!("nextCursor" in second));
  const filtered = await body(await call("/v1/workflows?name=b"));
  assert.deepEqual(names(filtered), ["b"]);
  const bad = await call("/v1/workflows?cursor=zzz");
  assert.equal((await body(bad))["code"], "invalid-cursor");
});
