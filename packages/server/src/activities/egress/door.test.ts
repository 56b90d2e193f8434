import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { egressDoor } from "./door.ts";
import { parseOrigins } from "./origins.ts";
import { egressPolicy } from "./policy.ts";
import type { Resolve } from "./resolve.ts";

const never = new AbortController().signal;
const nowhere = parseOrigins({});

async function listening(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test("connects to an address that the policy permits, asking for the name once", async (t) => {
  const port = await listening(t);
  const asked: string[] = [];
  const resolve: Resolve = async (host) => {
    asked.push(host);
    // The second answer would be another.
    return [{ address: asked.length === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }];
  };
  const policy = egressPolicy({ allowLoopback: true });
  const door = egressDoor({ policy, origins: nowhere, resolve });
  const target = { protocol: "nats:", host: "broker.example", port };
  const socket = await door.connect(target, never);
  assert.equal(String((await socket.toArray())[0]), "hello");
  assert.deepEqual(asked, ["broker.example"]);
  await assert.rejects(door.connect(target, never), /169\.254\.169\.254/);
});

test("an address is judged as well, and an aborted connection says why", async (t) => {
  const port = await listening(t);
  const door = egressDoor({ policy: egressPolicy({}), origins: nowhere });
  const target = { protocol: "redis:", host: "127.0.0.1", port };
  await assert.rejects(door.pin(target), /loopback/);
  const reason = new Error("enough");
  await assert.rejects(door.connect(target, AbortSignal.abort(reason)), reason);
});

test("an origin override goes elsewhere, and a certificate still names the original", async () => {
  const origins = parseOrigins({ "mqtt://broker.example:1883": "mqtt://127.0.0.1:41883" });
  const door = egressDoor({ policy: egressPolicy({}), origins });
  assert.deepEqual(await door.pin({ protocol: "mqtt:", host: "Broker.example", port: 1883 }), {
    addresses: [{ address: "127.0.0.1", family: 4 }],
    port: 41_883,
    servername: "Broker.example",
  });
});
