import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import {
  type HttpFixture,
  PETSTORE_ORIGIN,
  startHttpFixture,
  startPetstore,
} from "@millrace/testkit/http";
import { systemClock } from "../../clock.ts";
import { caller, kindOf } from "../testing.ts";

let petstore: HttpFixture;
before(async () => {
  petstore = await startPetstore();
});
after(() => petstore.close());

const document = { endpoint: `${PETSTORE_ORIGIN}/v2/swagger.json` };
const store = () => ({ origins: { [PETSTORE_ORIGIN]: petstore.origin } });

describe("call: openapi, Swagger 2.0", () => {
  test("finds the operation and places its parameters", async (t) => {
    const { openapi } = caller(t, store());
    const found = await openapi({
      document,
      operationId: "findPetsByStatus",
      parameters: { status: ["sold", "pending"] },
    });
    assert.deepEqual(
      (found as { id: number }[]).map(({ id }) => id),
      [3, 4],
    );
    const response = (await openapi({
      document,
      operationId: "getPetById",
      parameters: { petId: 1 },
      output: "response",
    })) as JsonObject;
    const request = response["request"] as JsonObject;
    assert.deepEqual(
      [request["method"], request["uri"], response["statusCode"]],
      ["get", `${PETSTORE_ORIGIN}/v2/pet/1`, 200],
    );
  });

  test("sends the body parameter, by name or as what is left", async (t) => {
    const { openapi } = caller(t, store());
    const pet = { id: 9, name: "Ada", status: "available" };
    const call = (parameters: JsonObject) =>
      openapi({ document, operationId: "addPet", parameters });
    assert.deepEqual(await call({ body: pet }), pet);
    assert.deepEqual(await call(pet), pet);
  });

  test("names what is missing or unknown", async (t) => {
    const { refused } = caller(t, store());
    const call = (operationId: string, parameters: JsonObject) =>
      refused({ document, operationId, parameters }, {}, "call:openapi");
    const missing = await call("findPetsByStatus", {});
    assert.equal(kindOf(missing), "validation 400");
    assert.equal(missing.detail, "with.parameters.status: required by operation findPetsByStatus");
    assert.match((await call("getPetById", { petId: "" })).detail ?? "", /petId: required/);
    const unknown = await call("getPetById", { petId: 1, petID: 2 });
    assert.equal(kindOf(unknown), "configuration 400");
    assert.match(unknown.detail ?? "", /petID: operation getPetById has no such parameter/);
    assert.match((await call("nope", {})).detail ?? "", /no operation "nope"/);
    assert.equal(kindOf(await call("getPetById", { petId: 99 })), "communication 404");
    assert.equal(kindOf(await call("getPetById", { petId: ".." })), "configuration 400");
  });

  test("fetches the document once, until it is five minutes old", async (t) => {
    let now = 0;
    const clock = { ...systemClock(), now: () => now };
    const { openapi } = caller(t, { ...store(), clock });
    const call = () => openapi({ document, operationId: "getPetById", parameters: { petId: 1 } });
    const count = () =>
      petstore.requests.filter(({ target }) => target === "/v2/swagger.json").length;
    const before = count();
    await Promise.all([call(), call(), call()]);
    now = 299_999;
    await call();
    assert.equal(count() - before, 1);
    now = 300_000;
    await call();
    assert.equal(count() - before, 2);
  });
});

/** Serves one document (at `/doc`) and echoes everything else. */
async function api(t: TestContext, root: string | JsonObject) {
  const server = await startHttpFixture(({ method, target, headers, body }) =>
    target === "/doc"
      ? { body: root }
      : { body: { method, target, headers, data: body.toString() } },
  );
  t.after(() => server.close());
  const { openapi, refused } = caller(t);
  const input = (operationId: string, parameters: JsonObject, more: JsonObject = {}) => ({
    document: { endpoint: `${server.origin}/doc` },
    operationId,
    parameters,
    ...more,
  });
  return {
    call: async (id: string, parameters: JsonObject = {}, more: JsonObject = {}) =>
      (await openapi(input(id, parameters, more))) as JsonObject,
    refused: (id: string, parameters: JsonObject = {}) =>
      refused(input(id, parameters), {}, "call:openapi"),
  };
}

const operation = (parameters: Json, more: JsonObject = {}): JsonObject => ({
  openapi: "3.1.0",
  paths: { "/things/{id}": { post: { operationId: "op", parameters, ...more } } },
});
const id = { name: "id", in: "path", required: true, schema: { type: "string" } };

describe("call: openapi, OpenAPI 3", () => {
  test("serialises values in every style", async (t) => {
    const list = ["a,b", "c d"];
    const object = { x: 1, y: "2&3" };
    const cases: [JsonObject, Json, string][] = [
      [{ in: "query" }, list, "?p=a%2Cb&p=c%20d"],
      [{ in: "query", explode: false }, list, "?p=a%2Cb,c%20d"],
      [{ in: "query", style: "spaceDelimited" }, list, "?p=a%2Cb%20c%20d"],
      [{ in: "query", style: "pipeDelimited" }, list, "?p=a%2Cb%7Cc%20d"],
      [{ in: "query" }, object, "?x=1&y=2%263"],
      [{ in: "query", explode: false }, object, "?p=x,1,y,2%263"],
      [{ in: "query", style: "deepObject", explode: true }, object, "?p%5Bx%5D=1&p%5By%5D=2%263"],
      [
        { in: "query", content: { "application/json": {} } },
        object,
        "?p=%7B%22x%22%3A1%2C%22y%22%3A%222%263%22%7D",
      ],
      [{ in: "query" }, false, "?p=false"],
    ];
    for (const [parameter, value, expected] of cases) {
      const { call } = await api(t, operation([id, { name: "p", ...parameter }]));
      const sent = await call("op", { id: "a/b", p: value });
      assert.equal(sent["target"], `/things/a%2Fb${expected}`, JSON.stringify(parameter));
    }
    const { call } = await api(t, operation([{ ...id, explode: true }]));
    assert.equal((await call("op", { id: ["1", "2/3"] }))["target"], "/things/1,2%2F3");
    assert.equal((await call("op", { id: { k: "v" } }))["target"], "/things/k=v");
  });

  test("needs every path parameter, also when the document forgets to say so", async (t) => {
    const { refused } = await api(t, operation([{ name: "id", in: "path" }]));
    assert.equal(kindOf(await refused("op")), "validation 400");
  });

  test("places headers and cookies", async (t) => {
    const parameters = [
      id,
      { name: "X-List", in: "header" },
      { name: "sid", in: "cookie" },
      { name: "Authorization", in: "header" },
    ];
    const { call, refused } = await api(t, operation(parameters));
    const sent = await call("op", { id: 1, "X-List": [1, 2], sid: "a;b" });
    const headers = sent["headers"] as JsonObject;
    assert.deepEqual([headers["x-list"], headers["cookie"]], ["1,2", "sid=a%3Bb"]);
    assert.equal(headers["idempotency-key"], "key-1");
    const injected = await refused("op", { id: 1, "X-List": "a\r\nb: c" });
    assert.equal(kindOf(injected), "configuration 400");
  });

  test("sends the request body in a type the operation takes", async (t) => {
    const body = async (types: string[], parameters: JsonObject, required = false) => {
      const content = Object.fromEntries(types.map((type) => [type, {}]));
      const { call } = await api(t, operation([id], { requestBody: { required, content } }));
      const sent = await call("op", { id: 1, ...parameters });
      return [(sent["headers"] as JsonObject)["content-type"], sent["data"]];
    };
    const form = "application/x-www-form-urlencoded";
    assert.deepEqual(await body(["text/xml", "application/json"], { body: { a: 1 } }), [
      "application/json",
      '{"a":1}',
    ]);
    assert.deepEqual(await body(["application/json"], { a: 1, b: 2 }), [
      "application/json",
      '{"a":1,"b":2}',
    ]);
    assert.deepEqual(await body([form], { body: { a: 1 } }), [form, "a=1"]);
    assert.deepEqual(await body(["text/plain"], { body: "hi" }), ["text/plain", "hi"]);
    assert.deepEqual(await body(["application/json"], {}), [undefined, ""]);
    const { refused } = await api(
      t,
      operation([id], { requestBody: { required: true, content: {} } }),
    );
    assert.match((await refused("op", { id: 1 })).detail ?? "", /parameters.body: required/);
  });

  test("takes the nearest server, with defaults of variables, relative to the document", async (t) => {
    const servers = [{ url: "/{base}/v1/", variables: { base: { default: "api" } } }];
    const { call } = await api(t, { ...operation([id]), servers });
    assert.equal((await call("op", { id: 1 }))["target"], "/api/v1/things/1");
    const near = await api(t, { ...operation([id], { servers: [{ url: "../near" }] }), servers });
    assert.equal((await near.call("op", { id: 1 }))["target"], "/near/things/1");
    const far = await api(t, { ...operation([id]), servers: [{ url: "http://10.0.0.1" }] });
    assert.equal(kindOf(await far.refused("op", { id: 1 })), "authorization 403");
    const odd = await api(t, { ...operation([id]), servers: [{ url: "file:///etc" }] });
    assert.equal(kindOf(await odd.refused("op", { id: 1 })), "configuration 400");
  });

  test("follows local references, and neither circles nor other documents", async (t) => {
    const withComponents = (reference: string) => ({
      ...operation([{ $ref: reference }]),
      components: {
        parameters: { id: { $ref: "#/x~1y/0" }, a: { $ref: "#/components/parameters/a" } },
      },
      "x/y": [id],
    });
    const { call } = await api(t, withComponents("#/components/parameters/id"));
    assert.equal((await call("op", { id: 1 }))["target"], "/things/1");
    for (const bad of [
      "#/components/parameters/a",
      "#/nowhere",
      "other.yaml#/x",
      "#/__proto__/x",
    ]) {
      const { refused } = await api(t, withComponents(bad));
      const error = await refused("op", { id: 1 });
      assert.equal(kindOf(error), "configuration 400", bad);
      assert.match(error.detail ?? "", /refers to/);
    }
  });

  test("reads YAML, and refuses what is no OpenAPI document", async (t) => {
    const yaml = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      operationId: op\n";
    const { call } = await api(t, yaml);
    assert.equal((await call("op"))["target"], "/a");
    const bomb = `a: &a [x]\n${Array.from({ length: 9 }, (_, n) => `b${n}: &b${n} [${`*${n ? `b${n - 1}` : "a"},`.repeat(9)}]`).join("\n")}`;
    for (const text of ["{", "openapi: 4.0.0", "just text", "[1]", bomb]) {
      const { refused } = await api(t, text);
      assert.equal(kindOf(await refused("op")), "configuration 400", text);
    }
  });

  test("authenticates the call and the document separately", async (t) => {
    const root = { openapi: "3.0.0", paths: { "/a": { get: { operationId: "op" } } } };
    const seen: (string | undefined)[] = [];
    const server = await startHttpFixture(({ target, headers }) => {
      seen.push(headers["authorization"]);
      return { body: target === "/doc" ? root : {} };
    });
    t.after(() => server.close());
    const { openapi } = caller(t);
    const bearer = (token: string) => ({ bearer: { token } });
    const call = (token: string) =>
      openapi({
        document: { endpoint: { uri: `${server.origin}/doc`, authentication: bearer(token) } },
        operationId: "op",
        authentication: bearer("for-call"),
      });
    await call("one");
    await call("two");
    assert.deepEqual(seen, ["Bearer one", "Bearer for-call", "Bearer two", "Bearer for-call"]);
  });
});
