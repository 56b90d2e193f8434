import assert from "node:assert/strict";
import test from "node:test";
import { startTestApi } from "@millrace/testkit/api";

const FUNCTION = "set: { a: 1 }\n";
const PATH = "/v1/functions/log/1.0.0";

async function body(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

test("a function is put, replaced, read, listed and deleted", async (t) => {
  const { call } = await startTestApi(t);
  const put = (path: string, text: string) =>
    call(path, { method: "PUT", headers: { "content-type": "application/yaml" }, body: text });
  const created = await put(PATH, FUNCTION);
  assert.equal(created.status, 201);
  const view = await body(created);
  assert.deepEqual(view, {
    name: "log",
    version: "1.0.0",
    source: "api",
    updatedAt: view["updatedAt"],
    text: FUNCTION,
  });
  assert.equal((await put(PATH, FUNCTION)).status, 200);
  await put("/v1/functions/zoo/1.0.0", FUNCTION);
  assert.equal((await body(await call(PATH)))["text"], FUNCTION);
  const first = await body(await call("/v1/functions?limit=1"));
  const [item] = first["items"] as Record<string, unknown>[];
  assert.deepEqual([item?.["name"], item?.["text"]], ["log", undefined]);
  const cursor = String(first["nextCursor"]);
  const second = await body(await call(`/v1/functions?cursor=${cursor}`));
  assert.deepEqual(
    (second["items"] as { name: string }[]).map(({ name }) => name),
    ["zoo"],
  );
  const gone = await call(PATH, { method: "DELETE" });
  assert.deepEqual([gone.status, await gone.text()], [204, ""]);
  for (const method of ["GET", "DELETE"]) {
    const absent = await call(PATH, { method });
    assert.equal(absent.status, 404);
    assert.equal((await body(absent))["code"], "function-not-found");
  }
});

test("what is no function, has no proper name, or is empty is refused", async (t) => {
  const { call } = await startTestApi(t);
  const codes = async (path: string, text: string, type = "text/yaml") => {
    const headers = { "content-type": type };
    const response = await call(path, { method: "PUT", headers, body: text });
    return [response.status, (await body(response))["code"]];
  };
  assert.deepEqual(await codes(PATH, "[]"), [422, "function-invalid"]);
  assert.deepEqual(await codes(PATH, " "), [400, "invalid-body"]);
  assert.deepEqual(await codes(PATH, FUNCTION, "application/xml"), [415, "unsupported-media-type"]);
  for (const path of ["a%2Fb/1.0.0", "..%2fa/1", "a/1%200", "a%00/1", "a:b/1", "a@b/1"])
    assert.deepEqual(
      await codes(`/v1/functions/${path}`, FUNCTION),
      [400, "invalid-request"],
      path,
    );
  const bad = await call("/v1/functions?cursor=zzz");
  assert.equal((await body(bad))["code"], "invalid-cursor");
});
