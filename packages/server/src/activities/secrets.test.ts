import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deferred, Json } from "@millrace/language";
import { systemClock } from "../clock.ts";
import { LogRedaction } from "../secrets/redact.ts";
import type { Execute } from "./calls.ts";
import { ActivityFailure } from "./failure.ts";
import { Confidence } from "./secrets.ts";
import type { CallServices } from "./services.ts";
import { activityRequest } from "./testing.ts";

const key: Deferred = {
  path: ["environment", "KEY"],
  pieces: [{ jq: "$secrets.key" }],
  uses: ["secrets"],
  secrets: ["key"],
};

/** A script that is given the secret `key`, done by `execute`. */
function performed(
  execute: Execute,
  options: { readonly value?: Json; readonly fed?: Json[]; readonly redaction?: LogRedaction } = {},
) {
  const { value, fed = [], redaction = new LogRedaction() } = options;
  const secrets = { get: () => Promise.resolve(value) };
  const confidence = new Confidence({ secrets, redaction }, systemClock());
  const request = activityRequest(
    "run:script",
    { environment: { KEY: "${ $secrets.key }", OTHER: "x" } },
    { deferred: { parts: [key], variables: {}, now: 0 } },
  );
  // What only calls need: a process has no credentials.
  const services = {} as CallServices;
  const feed = (item: Json): Promise<"more"> => Promise.resolve(fed.push(item)).then(() => "more");
  const signal = new AbortController().signal;
  return { confidence, done: confidence.perform(execute, request, services, signal, feed) };
}

test("the executor sees the value, and what it brings on the way does not hold it", async () => {
  const fed: Json[] = [];
  const execute: Execute = async ({ input }, _services, _signal, feed) => {
    await feed({ message: `it is ${JSON.stringify(input)}` });
    return input;
  };
  const { confidence, done } = performed(execute, { value: "hunter2", fed });
  const output = await done;
  assert.deepEqual(output, { environment: { KEY: "hunter2", OTHER: "x" } });
  assert.deepEqual(fed, [{ message: 'it is {"environment":{"KEY":"***","OTHER":"x"}}' }]);
  assert.deepEqual(confidence.cleared({ output }), {
    output: { environment: { KEY: "***", OTHER: "x" } },
  });
});

test("titles and details of errors are cleared, types and places are not", async () => {
  const { confidence, done } = performed(() => Promise.resolve(null), { value: "hunter2" });
  await done;
  const kept = { type: "http://t.test/hunter2", status: 500, instance: "/do/0/hunter2" };
  const { error } = confidence.cleared({
    error: { ...kept, title: "a hunter2", detail: "hunter2" },
  }) as { error: object };
  assert.deepEqual(error, { ...kept, title: "a ***", detail: "***" });
});

test("the log is told the value before the executor runs", async () => {
  const redaction = new LogRedaction();
  let line = "";
  const execute: Execute = async () => (line = redaction.line("hunter2 is used"));
  await performed(execute, { value: "hunter2", redaction }).done;
  assert.equal(line, "*** is used");
});

test("a secret that is not there is told by name, and the executor does not run", async () => {
  const { done } = performed(() => Promise.reject(new Error("it ran")));
  await assert.rejects(done, (error) => {
    assert.ok(error instanceof ActivityFailure);
    assert.deepEqual([error.kind, error.status], ["authorization", 403]);
    return /no secret "key"/.test(error.message);
  });
});
