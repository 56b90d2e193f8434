/** `/v1/secrets`: values go in, and never come out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "@millrace/protocol";
import { startTestApi, type TestApi } from "@millrace/testkit/api";

const KEY = { masterKey: "ab".repeat(32) };

const put = ({ call }: TestApi, name: string, body: unknown): Promise<Response> =>
  call(`/v1/secrets/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const problemOf = async (response: Response): Promise<Problem> =>
  (await response.json()) as Problem;

test("a secret is set, replaced, listed and deleted without its value", async (t) => {
  const api = await startTestApi(t, KEY);
  const first = await put(api, "one", { value: "hunter2" });
  assert.equal(first.status, 201);
  const again = await put(api, "one", { value: { user: "ada", password: "hunter2" } });
  assert.equal(again.status, 200);
  const listed = await (await api.call("/v1/secrets")).text();
  for (const text of [await first.text(), await again.text(), listed])
    assert.doesNotMatch(text, /hunter2|value|ada/);
  const { items } = JSON.parse(listed) as { items: { name: string; version: number }[] };
  assert.deepEqual(
    items.map(({ name, version }) => [name, version]),
    [["one", 2]],
  );
  const gone = await api.call("/v1/secrets/one", { method: "DELETE" });
  assert.deepEqual([gone.status, await gone.text()], [204, ""]);
  const missing = await api.call("/v1/secrets/one", { method: "DELETE" });
  assert.deepEqual([missing.status, (await problemOf(missing)).code], [404, "secret-not-found"]);
});

test("there is no way to read a value", async (t) => {
  const api = await startTestApi(t, KEY);
  await put(api, "one", { value: "hunter2" });
  const read = await api.call("/v1/secrets/one");
  assert.deepEqual([read.status, (await problemOf(read)).code], [405, "method-not-allowed"]);
});

test("pages follow each other by name", async (t) => {
  const api = await startTestApi(t, KEY);
  for (const name of ["b", "a", "c"]) await put(api, name, { value: name });
  const page = async (query: string) =>
    (await (await api.call(`/v1/secrets?limit=2${query}`)).json()) as {
      items: { name: string }[];
      nextCursor?: string;
    };
  const first = await page("");
  const second = await page(`&cursor=${first.nextCursor}`);
  assert.deepEqual(
    [...first.items, ...second.items].map(({ name }) => name),
    ["a", "b", "c"],
  );
  assert.equal(second.nextCursor, undefined);
  const bad = await api.call("/v1/secrets?cursor=nonsense");
  assert.equal((await problemOf(bad)).code, "invalid-cursor");
});

test("without a master key a secret is refused, saying what is missing", async (t) => {
  const api = await startTestApi(t);
  const refused = await put(api, "one", { value: "hunter2" });
  const problem = await problemOf(refused);
  assert.deepEqual([refused.status, problem.code], [409, "no-master-key"]);
  assert.match(problem.detail ?? "", /MILLRACE_MASTER_KEY_FILE/);
  const rotation = await api.post("/v1/secret-keys/rotation", {});
  assert.equal((await problemOf(rotation)).code, "no-master-key");
});

test("what is wrong with a value is said without quoting it", async (t) => {
  const api = await startTestApi(t, KEY);
  const bodies: readonly [unknown, string][] = [
    ["hunter2", "invalid-body"],
    ['{"value": hunter2}', "invalid-body"],
    [{ value: { __proto__x: 1 }, hunter2: 1 }, "invalid-request"],
    [{ valu: "hunter2" }, "invalid-request"],
    [["hunter2"], "invalid-request"],
    [{ value: `hunter2${"x".repeat(70_000)}` }, "payload-too-large"],
  ];
  for (const [body, code] of bodies) {
    const response = await put(api, "one", body);
    const text = await response.text();
    assert.equal((JSON.parse(text) as Problem).code, code, text);
    // A key that is not known is named; a value never is.
    if (code !== "invalid-request") assert.doesNotMatch(text, /hunter2/);
  }
  assert.deepEqual(api.logged, []);
});

test("names that no workflow could use are refused", async (t) => {
  const api = await startTestApi(t, KEY);
  for (const name of ["a%20b", "-a", "ä", "a".repeat(129), "a%00"]) {
    const response = await put(api, name, { value: 1 });
    assert.equal((await problemOf(response)).code, "invalid-request", name);
  }
});

test("a rotation says what it did", async (t) => {
  const api = await startTestApi(t, KEY);
  await put(api, "one", { value: "hunter2" });
  const rotated = async (body: object) =>
    (await (await api.post("/v1/secret-keys/rotation", body)).json()) as Record<string, unknown>;
  const { masterKey, ...done } = await rotated({ dataKeys: true });
  assert.match(String(masterKey), /^[0-9a-f]{12}$/);
  assert.deepEqual(done, { keysWrapped: 0, secretsSealed: 1, keysDropped: 1 });
  assert.equal((await rotated({})).secretsSealed, 0);
});
