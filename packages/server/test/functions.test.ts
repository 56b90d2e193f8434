/** Functions and schemas from outside on the real runtime: fetched when a workflow is applied, kept with its version. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import {
  loadConfig,
  RuntimeError,
  type RuntimeHost,
  silentLogger,
  startRuntime,
} from "@millrace/server";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { type Handler, type HttpFixture, startHttpFixture } from "@millrace/testkit/http";
import { document } from "./harness.ts";

let database: TestDatabase;
let host: RuntimeHost;
let folder: string;
let names = 0;

before(async () => {
  database = await createDatabase();
  folder = await mkdtemp(join(tmpdir(), "catalog-"));
  const config = loadConfig(
    {},
    {
      databaseUrl: database.url,
      exclusive: true,
      egressAllowLoopback: true,
      catalogFolder: folder,
      masterKey: "ab".repeat(32),
    },
  );
  host = await startRuntime(config, { log: silentLogger });
});
after(async () => {
  await host.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});

/** Serves functions and schemas; gives their origin. */
async function outside(t: TestContext, handle: Handler): Promise<HttpFixture> {
  const server = await startHttpFixture(handle);
  t.after(() => server.close());
  return server;
}

const apply = (body: string, name = `f${++names}`) =>
  host.runtime.applyWorkflow({ text: `${document(name)}\n${body}` });

/** The issues that a definition is refused with, a line each. */
async function refused(body: string): Promise<string> {
  try {
    await apply(body);
  } catch (error) {
    assert.ok(error instanceof RuntimeError);
    assert.equal(error.kind, "invalid-workflow");
    return (error.issues ?? [])
      .map((each) => `${each.line} ${each.path}: ${each.message}`)
      .join("\n");
  }
  throw new Error("accepted");
}

async function run(name: string, input: JsonObject = {}) {
  const { id } = await host.runtime.startInstance({ namespace: "test", name, input });
  return host.runtime.waitInstance(id, 20_000);
}

const GREET = `input: { schema: { document: { type: object, required: [who] } } }
set: { greeting: '\${ "Hello " + .who }' }`;

test("a function by URL is fetched once, kept with the version, and checks its input", async (t) => {
  let text = GREET;
  const { origin, requests } = await outside(t, () => ({ body: text }));
  const body = `do: [ { g: { call: ${origin}/greet.yaml, with: { who: "\${ .who }" } } } ]`;
  const first = await apply(body, "by-url");
  assert.equal(first.outcome, "created");
  text = "set: { greeting: changed }";
  assert.equal((await apply(body, "by-url")).outcome, "unchanged");
  assert.equal(requests.length, 1);
  assert.deepEqual((await run("by-url", { who: "Ada" })).output, { greeting: "Hello Ada" });
  const wrong = await apply(`do: [ { g: { call: ${origin}/greet.yaml } } ]`, "changed");
  assert.equal(wrong.outcome, "created");
  assert.deepEqual((await run("changed")).output, { greeting: "changed" });
  text = GREET;
  await apply(`do: [ { g: { call: ${origin}/greet.yaml, with: { whom: Ada } } } ]`, "misused");
  const { error } = await run("misused");
  assert.match(error?.type ?? "", /validation$/);
  assert.match(error?.detail ?? "", /who/);
});

test("a catalog is asked at its file structure, with its authentication", async (t) => {
  const { origin, requests } = await outside(t, ({ target }) =>
    target === "/c/functions/greet/1.0.0/function.yaml" ? { body: GREET } : { status: 404 },
  );
  const use = `use:
  authentications: { mine: { basic: { username: u, password: p } } }
  catalogs: { own: { endpoint: { uri: ${origin}/c, authentication: { use: mine } } } }`;
  await apply(`${use}\ndo: [ { g: { call: "greet:1.0.0@own", with: { who: Ada } } } ]`, "catalog");
  assert.equal(requests[0]?.headers["authorization"], `Basic ${btoa("u:p")}`);
  assert.deepEqual((await run("catalog")).output, { greeting: "Hello Ada" });
  assert.match(
    await refused(`${use}\ndo: [ { g: { call: "greet:2.0.0@own" } } ]`),
    /^\d+ do\[0\]\.g\.call: function greet:2\.0\.0@own: GET .* answered 404 Not Found/,
  );
});

test("a document that a secret opens: by name, and by an expression", async (t) => {
  const { origin, requests } = await outside(t, ({ headers }) =>
    headers["authorization"] === `Basic ${btoa("u:hunter2")}` ? { body: GREET } : { status: 401 },
  );
  await host.secrets.set("default", "opener", { username: "u", password: "hunter2" });
  const policies = [
    "{ use: opener }",
    "{ username: u, password: '${ $secrets.opener.password }' }",
  ];
  for (const [at, policy] of policies.entries()) {
    const use = `use:
  secrets: [opener, missing]
  catalogs: { own: { endpoint: { uri: ${origin}/c, authentication: { basic: ${policy} } } } }`;
    await apply(`${use}\ndo: [ { g: { call: "greet:1.0.0@own", with: { who: Ada } } } ]`, `s${at}`);
    assert.deepEqual((await run(`s${at}`)).output, { greeting: "Hello Ada" });
    const missing = `${use}\ndo: [ { g: { call: "greet:1.0.0@own" } } ]`.replaceAll(
      "opener",
      "missing",
    );
    assert.match(
      await refused(missing.replace("missing, missing", "missing")),
      /no secret "missing"/,
    );
  }
  assert.equal(requests.length, 2);
});

test("the default catalog: what was put, then the operator's folder", async () => {
  const { runtime } = host;
  const key = { name: "greet", version: "1.0.0" };
  const at = join(folder, "functions/greet/1.0.0");
  await mkdir(at, { recursive: true });
  await writeFile(join(at, "function.yaml"), "set: { from: folder }");
  const body = `do: [ { g: { call: "greet:1.0.0@default", with: { who: Ada } } } ]`;
  await apply(body, "from-folder");
  assert.deepEqual((await run("from-folder")).output, { from: "folder" });
  assert.equal((await runtime.getFunction(key)).source, "folder");
  assert.equal((await runtime.putFunction({ ...key, text: GREET })).created, true);
  await apply(body, "from-api");
  assert.deepEqual((await run("from-api")).output, { greeting: "Hello Ada" });
  assert.deepEqual((await run("from-folder")).output, { from: "folder" });
  await runtime.putFunction({ name: "zoo", version: "1.0.0", text: "set: { a: 1 }" });
  assert.equal((await runtime.putFunction({ ...key, text: GREET })).created, false);
  const page = await runtime.listFunctions({ limit: 1 });
  assert.deepEqual(
    page.items.map(({ name, source }) => [name, source]),
    [["greet", "api"]],
  );
  const rest = await runtime.listFunctions({ limit: 1, cursor: page.nextCursor ?? "" });
  assert.deepEqual(
    rest.items.map(({ name }) => name),
    ["zoo"],
  );
  assert.equal(rest.nextCursor, undefined);
  await runtime.deleteFunction(key);
  assert.equal((await runtime.getFunction(key)).source, "folder");
  assert.deepEqual((await run("from-api")).output, { greeting: "Hello Ada" });
  await assert.rejects(runtime.deleteFunction(key), { kind: "not-found", subject: "function" });
  assert.match(
    await refused(`do: [ { g: { call: "greet:9.9.9@default" } } ]`),
    /the default catalog has no function greet of version 9\.9\.9/,
  );
});

test("a function that is not valid is refused where it is put", async () => {
  const put = (text: string) => host.runtime.putFunction({ name: "bad", version: "1.0.0", text });
  for (const text of ["[", "7", "colour: blue", "set: { a: '${ $secrets.x }' }", "call: nobody"])
    await assert.rejects(put(text), { kind: "invalid-function" }, text);
  await assert.rejects(host.runtime.getFunction({ name: "bad", version: "1.0.0" }), {
    kind: "not-found",
  });
});

test("functions inside functions are fetched too, in circles and without end they are refused", async (t) => {
  const { origin, requests } = await outside(t, ({ target }) => {
    const n = Number(target.slice(2));
    if (target.startsWith("/e")) return { body: `call: ${origin}/e${n + 1}` };
    if (target.startsWith("/c")) return { body: `call: ${origin}/c${(n + 1) % 2}` };
    return { body: n === 0 ? GREET : `call: ${origin}/n${n - 1}\nwith: { who: '\${ .who }' }` };
  });
  await apply(`do: [ { g: { call: ${origin}/n3, with: { who: Ada } } } ]`, "nested");
  assert.equal(requests.length, 4);
  assert.deepEqual((await run("nested")).output, { greeting: "Hello Ada" });
  assert.match(
    await refused(`do: [ { g: { call: ${origin}/c0 } } ]`),
    /a function cannot call itself/,
  );
  assert.match(await refused(`do: [ { g: { call: ${origin}/e0 } } ]`), /deeper than 8/);
  assert.ok(requests.length < 20, `${requests.length} requests`);
});

test("a schema from outside is fetched with its authentication, and holds", async (t) => {
  const { origin, requests } = await outside(t, () => ({
    body: { type: "object", required: ["n"] },
  }));
  const endpoint = `{ uri: ${origin}/s.json, authentication: { bearer: { token: t } } }`;
  await apply(
    `input: { schema: { format: json, resource: { endpoint: ${endpoint} } } }\ndo: [ { s: { set: { ok: true } } } ]`,
    "schema",
  );
  assert.equal(requests[0]?.headers["authorization"], "Bearer t");
  assert.equal((await run("schema", { n: 1 })).status, "completed");
  const { error } = await run("schema", { m: 1 });
  assert.match(error?.type ?? "", /validation$/);
});

test("hostile servers of functions are refused, each with what it did", async (t) => {
  const { origin } = await outside(t, ({ target }) => {
    switch (target) {
      case "/huge":
        return { body: `set: { a: ${"x".repeat(2_000_000)} }` };
      case "/bomb":
        return {
          body: `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, n) => `b${n}: &b${n} [${`*${n ? `b${n - 1}` : "a"},`.repeat(9)}]`).join("\n")}`,
        };
      case "/inwards":
        return { status: 302, headers: { location: "http://169.254.169.254/latest/meta-data" } };
      case "/html":
        return { headers: { "content-type": "text/html" }, body: "<!doctype html><p>Not here" };
      case "/many": {
        const call = (n: number): string => `  - t${n}: { call: "${origin}/leaf/${n}" }`;
        return { body: `do:\n${Array.from({ length: 120 }, (_, n) => call(n)).join("\n")}` };
      }
      default:
        return { body: "set: { a: 1 }" };
    }
  });
  const of = (path: string) => refused(`do: [ { g: { call: ${origin}${path} } } ]`);
  assert.match(await of("/huge"), /longer than 1048576 bytes/);
  assert.match(await of("/bomb"), /function .*\/bomb: /);
  assert.match(await of("/inwards"), /169\.254\.169\.254/);
  assert.match(await of("/html"), /function .*\/html: /);
  assert.match(await of("/many"), /at most 100 things from outside/);
  assert.match(await refused("do: [ { g: { call: 'http://10.0.0.1/f.yaml' } } ]"), /10\.0\.0\.1/);
});
