import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { isObject, type JsonObject } from "@millrace/language";
import { startOAuth } from "@millrace/testkit/http";
import { kindOf } from "../testing.ts";
import { greeting } from "./testing.ts";

describe("call: grpc", () => {
  test("calls a method and gives its message as JSON", async (t) => {
    const { call, input } = await greeting(t);
    const output = await call(input("SayHello", { name: "Ada" }));
    assert.ok(isObject(output));
    const { metadata, ...rest } = output;
    assert.deepEqual(rest, {
      message: "Hello Ada",
      serialNumber: "9007199254740993",
      names: [],
      at: "2025-11-21T14:00:00.500Z",
    });
    assert.ok(isObject(metadata));
    assert.equal(metadata["idempotency-key"], "key-1");
    assert.match(metadata["user-agent"] as string, /^millrace /);
  });

  test("a stream of answers becomes a list, also an empty one", async (t) => {
    const { call, input } = await greeting(t);
    const output = (await call(input("Count", { count: 3 }))) as { message: string }[];
    assert.deepEqual(
      output.map(({ message }) => message),
      ["number 1", "number 2", "number 3"],
    );
    assert.deepEqual(await call(input("Count")), []);
  });

  test("a stream of messages is sent from a list", async (t) => {
    const { call, input } = await greeting(t);
    const messages = [{ name: "a" }, {}, { name: "c" }];
    const output = await call(input("Gather", { messages }));
    assert.deepEqual((output as { names: string[] }).names, ["a", "", "c"]);
    assert.deepEqual(await call(input("Gather", messages)), output);
    assert.deepEqual(((await call(input("Gather", { messages: [] }))) as { names: [] }).names, []);
  });

  test("streams in both directions", async (t) => {
    const { call, input } = await greeting(t);
    const output = (await call(input("Chat", { messages: [{ name: "Ada" }, { name: "Bo" }] }))) as {
      message: string;
    }[];
    assert.deepEqual(
      output.map(({ message }) => message),
      ["Hello Ada", "Hello Bo"],
    );
  });
});

describe("call: grpc, with credentials", () => {
  const seen = async (t: TestContext, authentication: JsonObject): Promise<unknown> => {
    const { call, input } = await greeting(t);
    const output = await call(input("SayHello", { name: "Ada" }, { authentication }));
    return (output as { metadata: JsonObject }).metadata["authorization"];
  };

  test("basic and bearer go as metadata", async (t) => {
    const basic = await seen(t, { basic: { username: "ada", password: "p" } });
    assert.equal(basic, `Basic ${Buffer.from("ada:p").toString("base64")}`);
    assert.equal(await seen(t, { bearer: { token: "t-1" } }), "Bearer t-1");
  });

  test("a token of OAuth 2 is fetched once, and another when it is refused", async (t) => {
    const authority = await startOAuth();
    t.after(() => authority.close());
    const refused = new Set<string>();
    const tokens: string[] = [];
    const { call, input } = await greeting(
      t,
      {},
      {
        statusOf(metadata) {
          const token = String(metadata.get("authorization")[0]);
          tokens.push(token);
          return refused.has(token) ? status.UNAUTHENTICATED : status.OK;
        },
      },
    );
    const authentication = {
      oauth2: {
        authority: authority.origin,
        grant: "client_credentials",
        client: { id: "client", secret: "s3cret" },
      },
    };
    const given = input("SayHello", { name: "Ada" }, { authentication });
    await call(given);
    await call(given);
    assert.equal(tokens[0], tokens[1]);
    refused.add(tokens[0] ?? "");
    await call(given);
    assert.equal(tokens.length, 4);
    assert.notEqual(tokens[3], tokens[0]);
  });

  test("a refusal that stands is an authentication error; digest is refused", async (t) => {
    const { refused, input } = await greeting(t, {}, { statusOf: () => status.UNAUTHENTICATED });
    const bearer = { authentication: { bearer: { token: "hidden-token" } } };
    const error = await refused(input("SayHello", {}, bearer));
    assert.equal(kindOf(error), "authentication 401");
    assert.doesNotMatch(JSON.stringify(error), /hidden-token/);
    const digest = { authentication: { digest: { username: "ada", password: "p" } } };
    const second = await refused(input("SayHello", {}, digest));
    assert.equal(kindOf(second), "configuration 400");
  });
});

describe("call: grpc, with arguments", () => {
  test("that make no call", async (t) => {
    const { refused, input } = await greeting(t);
    const given = input("SayHello", {});
    const { proto: _, ...withoutProto } = given;
    const { service: __, ...withoutService } = given;
    const cases: readonly (readonly [JsonObject, RegExp])[] = [
      [withoutProto, /with\.proto: required/],
      [withoutService, /with\.service: required/],
      [{ ...given, proto: { endpoint: "ftp://a/b" } }, /with\.proto\.endpoint: has scheme ftp:/],
      [input("SayHello", { nme: "x" }), /with\.arguments\.nme: .* has no such field; it has name/],
      [input("SayHello", {}, { port: 0 }), /with\.service\.port: must be a whole number/],
      [input("SayHello", {}, { host: "https://a" }), /with\.service\.host: must be a host name/],
      [input("SayHello", {}, { host: "a/b" }), /with\.service\.host: must be a host name/],
      [input("Gather", { name: "x" }), /with\.arguments: this method takes a stream/],
      [input("Gather", { messages: [{ name: 1 }] }), /with\.arguments\.messages\[0\]\.name: must/],
    ];
    for (const [wrong, message] of cases) {
      const error = await refused(wrong);
      assert.equal(kindOf(error), "configuration 400");
      assert.match(error.detail ?? "", message);
    }
  });
});
