import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "@millrace/language";
import { type WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../clock.ts";
import { kindOf } from "../testing.ts";
import type { ActivitiesConfig } from "../registry.ts";
import { noSockets, peer } from "./broker-testing.ts";
import { asyncApi, document3 } from "./call-testing.ts";

/** A document of one channel on a WebSocket server. */
async function on(t: TestContext, port: number, config: ActivitiesConfig = {}) {
  const server = { host: `127.0.0.1:${port}`, protocol: "ws", pathname: "/feed" };
  const api = await asyncApi(t, document3(server), config);
  // The last to be asked: everything above has closed what it opened.
  t.after(noSockets);
  return api;
}

/** The real thing, doing what `serve` says with each connection. */
async function webSocketServer(
  t: TestContext,
  serve: (socket: WebSocket, request: IncomingMessage) => void,
  verify: (request: IncomingMessage) => boolean = () => true,
) {
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    verifyClient: ({ req }: { req: IncomingMessage }) => verify(req),
  });
  server.on("connection", serve);
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const payloads = (items: unknown[]) => items.map((item) => (item as JsonObject)["payload"]);

test("WebSocket: a message is a frame; headers and credentials go with the handshake", async (t) => {
  const got = Promise.withResolvers<unknown[]>();
  const port = await webSocketServer(t, (socket, { url, headers }) => {
    socket.on("message", (data, binary) =>
      got.resolve([
        url,
        headers["authorization"],
        headers["x-kind"],
        (data as Buffer).toString(),
        binary,
      ]),
    );
  });
  const { publish } = await on(t, port);
  const authentication = { bearer: { token: "t0ken" } };
  const message = { payload: { id: 1 }, headers: { "X-Kind": "new" } };
  assert.equal(await publish({ operation: "things", message, authentication }), null);
  assert.deepEqual(await got.promise, ["/feed/things", "Bearer t0ken", "new", '{"id":1}', false]);
});

test("WebSocket: frames are messages, text or binary, in order", async (t) => {
  const port = await webSocketServer(t, (socket) => {
    socket.send('{"id":1}');
    socket.send("plain");
    socket.send(Buffer.from([0xff, 0xfe]));
    socket.send("left");
  });
  const { take } = await on(t, port);
  assert.deepEqual(payloads(await take({ channel: "things" }, 3)), [{ id: 1 }, "plain", "//4="]);
});

test("WebSocket: what came before the server closed is delivered, then the closing is an error", async (t) => {
  const port = await webSocketServer(t, (socket) => {
    for (const n of [1, 2, 3]) socket.send(String(n));
    socket.close(4001, "no more");
  });
  const { listen, take } = await on(t, port);
  const seen: unknown[] = [];
  const listening = listen({ channel: "things" }, async ({ payload }): Promise<"more"> => {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(payload);
    return "more";
  });
  await assert.rejects(listening, /closed the WebSocket with 4001 \(\\+"no more/);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(payloads(await take({ channel: "things" }, 3)), [1, 2, 3]);
});

test("WebSocket: a fast publisher waits for a slow workflow", async (t) => {
  let buffered = 0;
  const full = Promise.withResolvers<void>();
  const text = "x".repeat(100_000);
  const port = await webSocketServer(t, (socket) => {
    const flood = (): void => {
      buffered = socket.bufferedAmount;
      // What nobody reads stays with the publisher.
      if (buffered > 20_000_000) full.resolve();
      else if (socket.readyState === socket.OPEN) {
        socket.send(text, () => {});
        setImmediate(flood);
      }
    };
    flood();
  });
  const { listen } = await on(t, port);
  let count = 0;
  await listen({ channel: "things" }, async (): Promise<"more" | "enough"> => {
    await full.promise;
    count += 1;
    return count < 50 ? "more" : "enough";
  });
  assert.equal(count, 50);
});

test("WebSocket: a frame larger than the limit ends the subscription", async (t) => {
  const port = await webSocketServer(t, (socket) => socket.send("x".repeat(20_000)));
  const { refused } = await on(t, port, { limits: { maxContentBytes: 10_000 } });
  const error = await refused({ channel: "things", subscription: {} });
  assert.equal(kindOf(error), "communication 413");
});

test("WebSocket: a refused handshake has its status", async (t) => {
  const port = await webSocketServer(
    t,
    () => {},
    () => false,
  );
  const { refused } = await on(t, port);
  const error = await refused({ channel: "things", subscription: {} });
  assert.equal(kindOf(error), "communication 401");
});

async function refusedBy(t: TestContext, port: number): Promise<string> {
  const { refused } = await on(t, port);
  return kindOf(await refused({ operation: "things", message: { payload: {} } }));
}

test("WebSocket: a server that speaks something else is an error", async (t) => {
  const port = await peer((socket) => socket.end("what?\r\n\r\n"));
  assert.equal(await refusedBy(t, port), "communication 502");
});

test("WebSocket: a server that closes at once is an error", async (t) => {
  const port = await peer((socket) => socket.destroy());
  assert.equal(await refusedBy(t, port), "communication 502");
});

test("WebSocket: a server that is not there is an error", async (t) => {
  assert.equal(await refusedBy(t, 1), "communication 503");
});

test("WebSocket: a server that accepts and never answers ends with the time limit", async (t) => {
  const port = await peer(() => {});
  const clock = systemClock();
  const hasty = { ...clock, after: (ms: number, run: () => void) => clock.after(ms / 100, run) };
  const { refused } = await on(t, port, { clock: hasty });
  const error = await refused({ operation: "things", message: { payload: {} } });
  assert.equal(kindOf(error), "timeout 408");
});

test("WebSocket: a metadata address is refused before anything is sent", async (t) => {
  const server = { host: "169.254.169.254", protocol: "ws" };
  const { refused } = await asyncApi(t, document3(server));
  const error = await refused({ operation: "things", message: { payload: {} } });
  assert.equal(kindOf(error), "authorization 403");
});
