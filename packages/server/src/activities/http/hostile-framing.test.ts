import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { caller, kindOf } from "../testing.ts";
import { startRawServer, writeForEver } from "./testing-raw.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** What a call gets from a server that answers these bytes and keeps the connection open; the connection has to end. */
async function answered(t: TestContext, bytes: string) {
  const server = await startRawServer(t, (socket) => socket.write(bytes, "latin1"));
  const { refused } = caller(t);
  const error = await refused({ method: "get", endpoint: server.origin });
  await server.gone();
  return error;
}

describe("an answer whose end two readers could see in different places ends the connection", () => {
  const CASES: Readonly<Record<string, string>> = {
    "Content-Length before Transfer-Encoding": `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "Transfer-Encoding before Content-Length": `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    "two lengths": `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    "one length twice": `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    "a negative length": `${OK}Content-Length: -5\r\n\r\nhello`,
    "a length with a sign": `${OK}Content-Length: +5\r\n\r\nhello`,
    "a length beyond all numbers": `${OK}Content-Length: 99999999999999999999999\r\n\r\nhello`,
    "a space before the colon": `${OK}Content-Length : 5\r\n\r\nhello`,
    "a folded header": `${OK}X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello`,
    "a NUL in a header": `${OK}X-A: b\0c\r\nContent-Length: 5\r\n\r\nhello`,
    "an unknown transfer coding": `${OK}Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    "a chunk size that is no number": `${CHUNKED}zz\r\nhello\r\n0\r\n\r\n`,
    "a negative chunk size": `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`,
    "a chunk size beyond all numbers": `${CHUNKED}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`,
    "a chunk longer than its size": `${CHUNKED}5\r\nhelloX0\r\n\r\n`,
    "lines that end without a carriage return": `${CHUNKED}5\nhello\n0\n\n`,
    "204 with a body": "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "another protocol": "SSH-2.0-OpenSSH_9.6\r\n",
    "no status": "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n",
    "a protocol nobody asked to change to":
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  };
  for (const [name, bytes] of Object.entries(CASES)) {
    test(name, async (t) => {
      assert.equal(kindOf(await answered(t, bytes)), "communication 502");
    });
  }
});

test("a transfer coding that was not asked for is refused", async (t) => {
  const bytes = `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  const server = await startRawServer(t, (socket) => socket.write(bytes));
  const error = await caller(t).refused({ method: "get", endpoint: server.origin });
  assert.equal(kindOf(error), "communication 502");
});

test("a second answer behind the first is nobody's: the connection is not used again", async (t) => {
  const server = await startRawServer(t, (socket, request) => {
    const evil = `${OK}Content-Length: 4\r\n\r\nevil`;
    socket.write(`${OK}Content-Length: 1\r\n\r\n${request}${evil}`);
  });
  const { http } = caller(t);
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await http({ method: "get", endpoint: server.origin }), "1");
    await server.gone();
  }
  assert.equal(server.connections.length, 3);
});

describe("an answer that ends early", () => {
  for (const [name, bytes] of Object.entries({
    "before its status": "",
    "in its headers": "HTTP/1.1 200 OK\r\nContent-",
    "before its length": `${OK}Content-Length: 50\r\n\r\nhello`,
    "before its last chunk": `${CHUNKED}5\r\nhello\r\n`,
  })) {
    test(name, async (t) => {
      const server = await startRawServer(t, (socket) => socket.end(bytes));
      const error = await caller(t).refused({ method: "get", endpoint: server.origin });
      assert.equal(kindOf(error), "communication 502");
    });
  }
});

describe("without end", () => {
  const limits = { headersTimeout: 500, bodyTimeout: 500, totalTimeout: 10_000 };
  const CASES: Readonly<Record<string, readonly [start: string, more: string, kind: string]>> = {
    "a header": [`${OK}X-A: `, "a".repeat(65_536), "communication 502"],
    headers: [OK, "a: b\r\n".repeat(1_000), "communication 502"],
    trailers: [`${CHUNKED}0\r\n`, "a: b\r\n".repeat(1_000), "communication 502"],
    "a body": [`${OK}\r\n`, "a".repeat(65_536), "communication 502"],
    chunks: [CHUNKED, `1000\r\n${"a".repeat(4_096)}\r\n`, "communication 502"],
    "provisional answers": ["", "HTTP/1.1 103 Early Hints\r\n\r\n", "communication 502"],
    "a status line": ["HTTP/1.1 200 ", "a".repeat(65_536), "timeout 408"],
    "a chunk extension": [`${CHUNKED}5;`, "a".repeat(65_536), "timeout 408"],
  };
  for (const [name, [start, more, kind]] of Object.entries(CASES)) {
    test(`${name} without end`, async (t) => {
      const server = await startRawServer(t, (socket) => {
        socket.write(start);
        writeForEver(socket, more);
      });
      const { refused } = caller(t, { limits });
      assert.equal(kindOf(await refused({ method: "get", endpoint: server.origin })), kind);
      await server.gone();
    });
  }
});

describe("slowly", () => {
  const CASES: Readonly<Record<string, readonly [start: string, byte: string]>> = {
    "headers byte by byte": [`${OK}X-A: `, "a"],
    "a body byte by byte": [`${OK}Content-Length: 1000000\r\n\r\n`, "a"],
    "an event stream without end": [`${OK}Content-Type: text/event-stream\r\n\r\n`, "data: 1\n\n"],
  };
  for (const [name, [start, byte]] of Object.entries(CASES)) {
    test(`${name} end with the time for the call`, async (t) => {
      const server = await startRawServer(t, (socket) => {
        socket.write(start);
        const timer = setInterval(() => socket.write(byte), 20);
        socket.on("close", () => clearInterval(timer));
      });
      const { refused } = caller(t, { limits: { totalTimeout: 700 } });
      const error = await refused({ method: "get", endpoint: server.origin });
      assert.equal(kindOf(error), "timeout 408");
      await server.gone();
    });
  }
});
