/** Payloads on their way: bodies that stop, stall, take long or are too large; readers that are slow; bytes that are damaged. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { globSync } from "node:fs";
import { Readable } from "node:stream";
import test from "node:test";
import { startTestApi } from "@millrace/testkit/api";
import { FILE_FROM, startPayloadApi } from "@millrace/testkit/payload-api";
import { connectRaw } from "@millrace/testkit/raw-http";
import type { Payloads } from "../../src/payloads/payloads.ts";

const hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const HEAD = "PUT /v1/payloads HTTP/1.1\r\nHost: localhost\r\n";
const LARGE = FILE_FROM * 3;

test("an upload that stops half-way leaves nothing behind", async (t) => {
  const { url, traces, folder, call } = await startPayloadApi(t);
  const bytes = randomBytes(LARGE);
  const framings: [string, Buffer][] = [
    ["Content-Length: 2000\r\n\r\n", bytes.subarray(0, 1_999)],
    ["Transfer-Encoding: chunked\r\n\r\n7d0\r\n", bytes.subarray(0, 2_000)],
    [`Content-Length: ${LARGE}\r\n\r\n`, bytes.subarray(0, LARGE - 1)],
    [`Transfer-Encoding: chunked\r\n\r\n${LARGE.toString(16)}\r\n`, bytes],
  ];
  for (const [framing, part] of framings) {
    const { socket, send, ended } = connectRaw(url);
    send(HEAD + framing);
    send(part);
    await call("/healthz");
    socket.end();
    assert.match(await ended(), /^(?:$|HTTP\/1\.1 400 [\s\S]*ended within a request)/, framing);
  }
  // The answer to a broken connection does not wait for what is cleared away.
  while ((await traces())[1] > 0) await call("/healthz");
  assert.deepEqual(await traces(), [0, 0]);
  assert.deepEqual(
    globSync("**/*", { cwd: folder, withFileTypes: true }).filter(
      (entry) => entry.isFile() && /^[0-9a-f]{32}$/.test(entry.name),
    ),
    [],
  );
});

test("an upload that is too large is refused as soon as it is, and nothing is left of it", async (t) => {
  const { url, traces, timers } = await startPayloadApi(t, { payloadMaxBytes: 100_000 });
  const chunk = `${(60_000).toString(16)}\r\n${"x".repeat(60_000)}\r\n`;
  const { send, until, ended } = connectRaw(url);
  send(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
  send(chunk);
  assert.match(await until(/payload-too-large/), /^HTTP\/1\.1 413 /);
  send(chunk);
  timers.fire();
  await ended();
  assert.deepEqual(await traces(), [0, 0]);
});

test("who waits for a word is told to go on once the headers will do", async (t) => {
  const { url } = await startPayloadApi(t);
  const { send, until, ended } = connectRaw(url);
  send(`${HEAD}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`);
  assert.match(await until(/\r\n\r\n$/), /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  send("body");
  assert.match(await ended(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  const locked = await startTestApi(t, { apiKeys: ["k".repeat(16)] });
  const keyless = connectRaw(locked.url);
  keyless.send(`${HEAD}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
  assert.match(await keyless.ended(), /^HTTP\/1\.1 401 /);
});

test("an upload may take longer than any other request while bytes come", async (t) => {
  const { url, traces } = await startPayloadApi(t, {}, 300);
  const upload = connectRaw(url);
  upload.send(`${HEAD}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`);
  await upload.until(/100 Continue/);
  upload.send("bo");
  // Two others, one begun after the other has timed out: by then the upload is past its time as well.
  for (const _ of [1, 2]) {
    const other = connectRaw(url);
    other.send("POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n");
    assert.match(await other.ended(), /^HTTP\/1\.1 408 [\s\S]*"request-timeout"/);
  }
  upload.send("dy");
  assert.match(await upload.ended(), /HTTP\/1\.1 201 /);
  assert.deepEqual(await traces(), [1, 0]);
});

test("an upload of which no byte comes for a while is given up", async (t) => {
  const { url, traces, timers, call } = await startPayloadApi(t);
  for (const length of [4, LARGE]) {
    const { socket, send, until, ended } = connectRaw(url);
    send(`${HEAD}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`);
    await until(/100 Continue/);
    send("bo");
    const over = ended();
    // Fires what waits for bytes, and then what waits for the sender to leave.
    while (!socket.destroyed) {
      await call("/healthz");
      timers.fire();
    }
    assert.match(await over, /HTTP\/1\.1 408 [\s\S]*"request-timeout"/);
  }
  assert.deepEqual(await traces(), [0, 0]);
});

test("damaged bytes are a problem, or a connection that is cut: never an answer that looks whole", async (t) => {
  const { call, damage, url } = await startPayloadApi(t);
  const put = async (bytes: Buffer<ArrayBuffer>) => {
    const { headers } = await call("/v1/payloads", { method: "PUT", body: bytes });
    await damage(hex(bytes));
    return headers.get("location") ?? "";
  };
  const small = await put(randomBytes(100));
  const damaged = await call(small);
  assert.equal(damaged.status, 500);
  assert.equal(damaged.headers.get("cache-control"), "no-store");
  for (const name of ["etag", "repr-digest", "accept-ranges"])
    assert.equal(damaged.headers.get(name), null, name);
  assert.equal(((await damaged.json()) as { code: string }).code, "payload-corrupt");
  const message = await call(small.replace("/v1/payloads", "/messages"));
  assert.equal(message.status, 500);

  const bytes = randomBytes(FILE_FROM * 20);
  const large = await put(bytes);
  const { send, ended } = connectRaw(url);
  send(`GET ${large} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const text = await ended();
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.ok(text.length < bytes.length, "the last bytes did not come");
  const verified = await call(`${large}/verify`, { method: "POST" });
  const { copies } = (await verified.json()) as { copies: unknown };
  assert.deepEqual(copies, [{ store: "directory", state: "damaged" }]);
});

test("a reader that is slow slows down what is read for it, and one that takes nothing is cut off", async (t) => {
  const size = 1_000_000_000;
  let read = 0;
  const body = Readable.from(
    (function* () {
      for (; read < size; read += 65_536) yield Buffer.alloc(65_536);
    })(),
    { objectMode: false },
  );
  const digest = hex(randomBytes(1));
  const info = { digest, size, mediaType: "image/png", store: "s3", kept: true, createdAt: 0 };
  const payloads = { find: async () => info, open: async () => ({ ...info, body }) };
  const { url, timers } = await startTestApi(t, {}, { payloads: payloads as unknown as Payloads });
  const { socket, send } = connectRaw(url);
  socket.once("data", () => socket.pause());
  send(`GET /v1/payloads/${digest} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, "pause");
  // Until the buffers on the way are full, more is read; then no more.
  const closed = once(body, "close");
  let before = -1;
  while (before !== read) {
    before = read;
    timers.fire();
    await (await fetch(`${url}/healthz`)).text();
  }
  assert.ok(read < size / 10, `${read}`);
  timers.fire();
  await closed;
});

test("of a reader that leaves before the bytes are there, nothing stays", async (t) => {
  const digest = hex(randomBytes(1));
  const info = { digest, size: 10_000_000, mediaType: "image/png", store: "s3", kept: true };
  const asked = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const body = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(100_000)));
  const payloads = {
    find: async () => ({ ...info, createdAt: 0 }),
    open: async () => {
      asked.resolve();
      await opened.promise;
      return { ...info, createdAt: 0, body };
    },
  };
  const { url, timers } = await startTestApi(t, {}, { payloads: payloads as unknown as Payloads });
  const { socket, send } = connectRaw(url);
  send(`GET /v1/payloads/${digest} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await asked.promise;
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  // A request that is answered after the end was sent finds the server knowing of it.
  for (const _ of [1, 2]) await (await fetch(`${url}/healthz`)).text();
  opened.resolve();
  await once(body, "close");
  assert.equal(timers.waiting, 0);
});

test("a sender that is refused by its headers and goes on all the same is cut off", async (t) => {
  const { url, timers } = await startPayloadApi(t);
  const { send, until, ended } = connectRaw(url);
  send("PUT /v1/payloads?ttl=soon HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  send("x".repeat(10_000));
  assert.match(await until(/query\.ttl/), /^HTTP\/1\.1 400 /);
  assert.equal(timers.waiting, 1);
  timers.fire();
  await ended();
});
