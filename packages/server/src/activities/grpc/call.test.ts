import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isObject } from "@millrace/language";
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
