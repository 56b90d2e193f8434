import assert from "node:assert/strict";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import { kindOf } from "../testing.ts";
import { greeting, grpcCaller } from "./testing.ts";

/** Listens until the test ends. */
async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe("call: grpc, when it fails", () => {
  test("a status becomes the error that its HTTP mapping says", async (t) => {
    const { refused, input, server } = await greeting(t);
    const expected: Readonly<Record<number, string>> = {
      [status.CANCELLED]: "communication 499",
      [status.INVALID_ARGUMENT]: "communication 400",
      [status.NOT_FOUND]: "communication 404",
      [status.ALREADY_EXISTS]: "communication 409",
      [status.RESOURCE_EXHAUSTED]: "communication 429",
      [status.UNIMPLEMENTED]: "communication 501",
      [status.INTERNAL]: "communication 500",
      [status.UNAVAILABLE]: "communication 503",
      [status.DEADLINE_EXCEEDED]: "timeout 408",
      [status.UNAUTHENTICATED]: "authentication 401",
      [status.PERMISSION_DENIED]: "authorization 403",
    };
    for (const [code, kind] of Object.entries(expected)) {
      const error = await refused(input("Fail", { code: Number(code), message: "not\ntoday" }));
      assert.equal(kindOf(error), kind);
      const name = status[Number(code)];
      assert.equal(
        error.detail,
        `grpc://127.0.0.1:${server.port}/test.greet.v1.Greeter/Fail: ${name}: not today`,
      );
    }
  });

  test("a long message of a server is cut", async (t) => {
    const { refused, input } = await greeting(t);
    const error = await refused(input("Fail", { code: 5, message: "x".repeat(100_000) }));
    assert.ok((error.detail?.length ?? 0) < 700);
  });

  test("the deadline goes to the server, and ends the call", async (t) => {
    const { refused, input, server } = await greeting(t);
    const arriving = server.arrived();
    const deadline = Date.now() + 1500;
    const failing = refused(input("Hang", { name: "Ada" }), { deadline });
    const { cancelled, deadline: told } = await arriving;
    assert.ok(Math.abs(told - deadline) < 1000, `the server was told ${told}, not ${deadline}`);
    assert.equal(kindOf(await failing), "timeout 408");
    await cancelled;
  });

  test("cancelling leaves no call on the server", async (t) => {
    const { refused, input, server } = await greeting(t);
    for (const method of ["Hang", "Endless"]) {
      const arriving = server.arrived();
      const controller = new AbortController();
      const failing = refused(input(method), {}, controller.signal);
      const { cancelled } = await arriving;
      controller.abort(new Error("enough"));
      await cancelled;
      assert.equal(kindOf(await failing), "communication 500");
    }
  });

  test("closing ends calls under way", async (t) => {
    const { refused, input, server, activities } = await greeting(t);
    const arriving = server.arrived();
    const failing = refused(input("Hang", { name: "Ada" }));
    const { cancelled } = await arriving;
    await activities.close();
    assert.equal(kindOf(await failing), "communication 500");
    await cancelled;
  });

  test("a stream without end is cut off by its bytes and by its messages", async (t) => {
    const { refused, input, server } = await greeting(t, { limits: { maxResponseBytes: 100_000 } });
    for (const [size, detail] of [
      [1000, /larger than 100000 bytes/],
      [0, /more than 10000 messages/],
    ] as const) {
      const arriving = server.arrived();
      const error = await refused(input("Endless", { size }));
      assert.equal(kindOf(error), "communication 502");
      assert.match(error.detail ?? "", detail);
      await (await arriving).cancelled;
    }
  });

  test("a huge message is refused", async (t) => {
    const { refused, input } = await greeting(t, { limits: { maxContentBytes: 10_000 } });
    const error = await refused(input("Count", { count: 1, size: 20_000 }));
    assert.equal(kindOf(error), "communication 502");
    assert.match(error.detail ?? "", /larger than 10000 bytes/);
  });

  test("nobody listens", async (t) => {
    const { refused, input } = await greeting(t);
    const port = await listening(t, createServer());
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port: closed } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    assert.notEqual(port, closed);
    const error = await refused(input("SayHello", {}, { port: closed }));
    assert.equal(kindOf(error), "communication 503");
    assert.match(error.detail ?? "", /the connection was refused$/);
  });

  test("a server that accepts and says nothing", async (t) => {
    const port = await listening(
      t,
      createServer(() => {}),
    );
    const { refused, input } = await greeting(t, { limits: { connectTimeout: 300 } });
    const error = await refused(input("SayHello", {}, { port }));
    assert.equal(kindOf(error), "timeout 408");
  });

  test("a server that speaks something else", async (t) => {
    const { refused, input, files } = await greeting(t);
    const port = Number(new URL(files.origin).port);
    assert.equal(kindOf(await refused(input("SayHello", {}, { port }))), "communication 503");
    const noise = await listening(
      t,
      createServer((socket) => socket.on("error", () => {}).end("nonsense\n".repeat(1000))),
    );
    assert.equal(
      kindOf(await refused(input("SayHello", {}, { port: noise }))),
      "communication 503",
    );
  });

  test("a server of HTTP/2 that is none of gRPC", async (t) => {
    const answers: ((stream: ServerHttp2Stream) => void)[] = [
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "text/html" });
        stream.end("<h1>Welcome</h1>".repeat(1000));
      },
      (stream) => {
        stream.respond({ ":status": 404, "content-type": "text/html" });
        stream.end("nothing here");
      },
      (stream) => stream.respond({ ":status": 200, "grpc-status": "0" }, { endStream: true }),
      (stream) => {
        // One byte of a message of 4 GiB.
        stream.respond({ ":status": 200, "content-type": "application/grpc" });
        stream.end(Buffer.from("00ffffffff41", "hex"));
      },
      (stream) => {
        // 20 kB that decompress to 20 MiB.
        stream.respond({
          ":status": 200,
          "content-type": "application/grpc",
          "grpc-encoding": "gzip",
        });
        const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024));
        const head = Buffer.alloc(5, 1);
        head.writeUInt32BE(bomb.length, 1);
        stream.end(Buffer.concat([head, bomb]));
      },
      (stream) => {
        // A message whose field ends beyond it.
        stream.respond(
          { ":status": 200, "content-type": "application/grpc" },
          { waitForTrailers: true },
        );
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(Buffer.from("00000000020aff", "hex"));
      },
    ];
    const http2 = createHttp2();
    http2.on("stream", (stream) => {
      stream.on("error", () => {});
      answers.shift()?.(stream);
    });
    const port = await listening(t, http2);
    const { refused, input } = await greeting(t);
    const kinds: string[] = [];
    while (answers.length > 0) {
      const error = await refused(input("SayHello", {}, { port }));
      kinds.push(`${kindOf(error)} ${error.detail?.replace(/^\S+ /, "")}`);
    }
    assert.deepEqual(kinds, [
      "communication 502 the answer is not gRPC",
      "communication 501 UNIMPLEMENTED: Received HTTP status code 404",
      "communication 502 OK, but no message came",
      "communication 502 The response is larger than 10485760 bytes.",
      "communication 502 The response is larger than 10485760 bytes.",
      "communication 502 the answer is not a valid test.greet.v1.HelloReply",
    ]);
  });

  test("an address that the egress policy refuses", async (t) => {
    const { input } = await greeting(t);
    const { refused } = grpcCaller(t, {
      egress: { allowLoopback: true, allowPrivate: true },
      resolve: async () => [{ address: "169.254.169.254", family: 4 }],
    });
    for (const host of ["169.254.169.254", "metadata.example"]) {
      const error = await refused(input("SayHello", {}, { host, port: 80 }));
      assert.equal(kindOf(error), "authorization 403");
      assert.match(error.detail ?? "", /metadata/);
    }
  });

  test("a proxy of the environment is not asked", async (t) => {
    const seen: string[] = [];
    const proxy = createServer((socket) => {
      socket.on("error", () => {}).once("data", (bytes) => seen.push(String(bytes)));
      socket.end();
    });
    const port = await listening(t, proxy);
    const { http_proxy: before } = process.env;
    process.env["http_proxy"] = `http://127.0.0.1:${port}`;
    t.after(() => {
      if (before === undefined) delete process.env["http_proxy"];
      else process.env["http_proxy"] = before;
    });
    const { call, input } = await greeting(t);
    await call(input("SayHello", { name: "Ada" }));
    assert.deepEqual(seen, []);
  });
});
