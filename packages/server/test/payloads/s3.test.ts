import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, test, type TestContext } from "node:test";
import {
  chunked,
  failing,
  hanging,
  MIB,
  randomBody,
  readAll,
  type S3Server,
  s3Unavailable,
  sha256,
  startS3,
  TcpProxy,
  testBlobStore,
} from "@millrace/testkit/payloads";
import { BlobError, type BlobErrorKind, newKey } from "../../src/payloads/blob-store.ts";
import type { S3Options } from "../../src/payloads/s3/bucket.ts";
import { PartMemory } from "../../src/payloads/s3/parts.ts";
import type { S3Settings } from "../../src/payloads/s3/settings.ts";
import { openS3Store } from "../../src/payloads/s3/store.ts";
import { upload } from "../../src/payloads/s3/upload.ts";
import { bucketOf, type Meddling, meddler, s3Stand, settingsOf } from "./s3-stand.ts";

const skip = s3Unavailable();

testBlobStore("S3", { open: s3Stand, borders: [8 * MIB, 16 * MIB], holds: 48 * MIB, skip });

const isBlobError = (kind: BlobErrorKind, message: RegExp) => (error: unknown) =>
  error instanceof BlobError && error.kind === kind && message.test(error.message);

describe("S3 by itself", { skip }, () => {
  let server: S3Server;
  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());

  const open = (t: TestContext, settings: Partial<S3Settings> = {}, options: S3Options = {}) => {
    const all = { ...settingsOf(server), ...settings };
    const store = openS3Store(all, { credentials: server.credentials, ...options });
    t.after(() => store.close());
    return store;
  };

  /** The multipart uploads that the server has parts of. */
  const pending = async (t: TestContext): Promise<readonly string[]> => {
    const bucket = bucketOf(server);
    t.after(() => bucket.close());
    return (await Array.fromAsync(bucket.uploads())).map(({ key }) => key);
  };

  test("a bucket that is not there is refused at the start, by its name", async (t) => {
    const store = open(t, { bucket: "elsewhere" });
    await assert.rejects(
      store.prepare(),
      isBlobError("refused", /^S3 bucket elsewhere at http.*there is no such bucket; make it/),
    );
    await assert.rejects(
      store.get(newKey()),
      isBlobError("unavailable", /there is no such bucket/),
    );
  });

  test("an access key that is unknown, and a secret that is not its own, are refused at the start", async (t) => {
    const { accessKeyId, secretAccessKey } = server.credentials;
    const unknown = { accessKeyId: "nobody", secretAccessKey };
    await assert.rejects(
      open(t, {}, { credentials: unknown }).prepare(),
      isBlobError("refused", /the access key is unknown there; check AWS_ACCESS_KEY_ID/),
    );
    const wrong = { accessKeyId, secretAccessKey: "not the secret" };
    await assert.rejects(
      open(t, {}, { credentials: wrong }).prepare(),
      isBlobError(
        "refused",
        /the secret key is not that of the access key; check AWS_SECRET_ACCESS_KEY/,
      ),
    );
  });

  test("an account without rights is told which one it lacks", async (t) => {
    const credentials = server.addUser();
    await assert.rejects(
      open(t, {}, { credentials }).prepare(),
      isBlobError("refused", /give no right to s3:PutObject on payloads\/some\/where\/\*/),
    );
  });

  test("a region that is not the server's is refused at the start", async (t) => {
    const store = open(t, { region: "us-west-2" });
    await assert.rejects(
      store.prepare(),
      isBlobError("refused", /set region= in MILLRACE_PAYLOAD_S3/),
    );
  });

  test("no credentials anywhere are refused at the start, with what to set", async (t) => {
    const variables = {
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/nowhere",
      AWS_CONFIG_FILE: "/nowhere",
    };
    const old = { ...process.env };
    t.after(() => {
      process.env = old;
    });
    process.env = { ...old, ...variables };
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"])
      delete process.env[name];
    const store = openS3Store(settingsOf(server));
    t.after(() => store.close());
    await assert.rejects(
      store.prepare(),
      isBlobError("refused", /there are no credentials; set AWS_ACCESS_KEY_ID/),
    );
    process.env["AWS_ACCESS_KEY_ID"] = server.credentials.accessKeyId;
    process.env["AWS_SECRET_ACCESS_KEY"] = server.credentials.secretAccessKey;
    const other = openS3Store(settingsOf(server));
    t.after(() => other.close());
    await other.prepare();
  });

  test("a server that is not there, or speaks no S3, is unavailable at the start", async (t) => {
    const nobody = open(t, { endpoint: "http://127.0.0.1:1" });
    await assert.rejects(nobody.prepare(), isBlobError("unavailable", /no answer to s3:PutObject/));
  });

  test("who closes the store does not wait for a server that is silent", async (t) => {
    // Reads, for else it would not see that the other side has gone.
    const silent = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    t.after(() => silent.close());
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const store = open(t, { endpoint: `http://127.0.0.1:${port}` });
    const asked = once(silent, "connection");
    const read = store.get(newKey());
    const rejected = assert.rejects(read, isBlobError("unavailable", /the store is closed/));
    await asked;
    await store.close();
    await rejected;
    await assert.rejects(store.get(newKey()), isBlobError("unavailable", /the store is closed/));
  });

  test("objects of others, beside the prefix or below it, are not listed, and their uploads not tidied up", async (t) => {
    const store = open(t);
    const others = openS3Store(
      { ...settingsOf(server), prefix: "" },
      { credentials: server.credentials },
    );
    t.after(() => others.close());
    const [mine, theirs] = [newKey(), newKey()];
    await store.put(mine, chunked(randomBody(10)));
    await others.put(theirs, chunked(randomBody(10)));
    const bucket = bucketOf(server);
    t.after(() => bucket.close());
    const { signal } = new AbortController();
    const id = await bucket.startUpload("backup.tar", signal);
    await bucket.put("notes.txt", randomBody(10), signal);
    assert.deepEqual(await Array.fromAsync(store.list()), [{ key: mine, size: 10 }]);
    assert.equal(await store.tidy(0), 0);
    assert.deepEqual(await pending(t), ["backup.tar"]);
    await bucket.abortUpload("backup.tar", id);
    await Promise.all([store.delete(mine), others.delete(theirs), bucket.remove("notes.txt")]);
  });

  test("a list of more than one page", async (t) => {
    const store = open(t);
    const keys = Array.from({ length: 1_050 }, newKey);
    const queue = keys.values();
    const worker = async (): Promise<void> => {
      for (const key of queue) await store.put(key, chunked(Buffer.from(key)));
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    const listed = (await Array.fromAsync(store.list())).map(({ key }) => key);
    assert.deepEqual(listed.sort(), keys.sort());
    await Promise.all(keys.map((key) => store.delete(key)));
  });

  test("what an upload leaves when it is aborted, fails or is refused: no object and no part", async (t) => {
    const store = open(t);
    const controller = new AbortController();
    const { body, hangs } = hanging(randomBody(30 * MIB));
    const aborted = assert.rejects(
      store.put(newKey(), body, { signal: controller.signal }),
      /nobody wants it/,
    );
    await hangs;
    assert.equal((await pending(t)).length, 1);
    controller.abort(new Error("nobody wants it"));
    await aborted;
    await assert.rejects(
      store.put(newKey(), failing(randomBody(30 * MIB), new Error("gone"))),
      /gone/,
    );
    const size = 30 * MIB;
    await assert.rejects(store.put(newKey(), chunked(randomBody(size - 1)), { size }), BlobError);
    // At any moment, also while its parts are under way.
    for (let milliseconds = 0; milliseconds < 100; milliseconds += 10) {
      const signal = AbortSignal.timeout(milliseconds);
      await store.put(newKey(), chunked(randomBody(30 * MIB)), { signal }).catch(() => {});
    }
    assert.deepEqual(await pending(t), []);
    for await (const { key } of store.list()) await store.delete(key);
  });

  test("a server that is killed half-way: unavailable, and its parts are tidied up once it is back", async (t) => {
    const store = open(t);
    const { body, hangs, finish } = hanging(randomBody(20 * MIB));
    const failed = assert.rejects(
      store.put(newKey(), body),
      isBlobError("unavailable", /no answer to/),
    );
    await hangs;
    await server.kill();
    finish();
    await failed;
    await server.restart();
    assert.deepEqual(await Array.fromAsync(store.list()), []);
    assert.equal((await pending(t)).length, 1);
    assert.equal(await store.tidy(0), 1);
    assert.deepEqual(await pending(t), []);
  });

  test("a server that falls silent is given up, while writing and while reading", async (t) => {
    const proxy = await TcpProxy.listen(server.port);
    t.after(() => proxy.close());
    const store = open(
      t,
      { endpoint: `http://127.0.0.1:${proxy.port}` },
      { times: { silence: 500 } },
    );
    const key = newKey();
    await store.put(key, chunked(randomBody(40 * MIB)));
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    await once(stream, "readable");
    // It may be given up before it is read below.
    stream.on("error", () => {});
    proxy.hold();
    await assert.rejects(
      store.put(newKey(), chunked(randomBody(10))),
      isBlobError("unavailable", /no answer/),
    );
    await assert.rejects(
      store.put(newKey(), chunked(randomBody(9 * MIB))),
      isBlobError("unavailable", /no answer/),
    );
    await assert.rejects(store.get(key), isBlobError("unavailable", /no answer/));
    await assert.rejects(readAll(stream), isBlobError("unavailable", /no answer to s3:GetObject/));
    proxy.release(false);
    await store.delete(key);
  });

  test("a connection that breaks while reading: reading goes on where it stopped", async (t) => {
    const proxy = await TcpProxy.listen(server.port);
    t.after(() => proxy.close());
    const store = open(t, { endpoint: `http://127.0.0.1:${proxy.port}` });
    const [key, bytes] = [newKey(), randomBody(10 * MIB)];
    await store.put(key, chunked(bytes));
    proxy.cutAfter(() => MIB);
    const whole = await store.get(key);
    assert.ok(whole !== undefined && (await readAll(whole)).equals(bytes));
    const part = await store.get(key, { first: 100, last: 5 * MIB });
    assert.ok(part !== undefined && (await readAll(part)).equals(bytes.subarray(100, 5 * MIB + 1)));
    proxy.cutAfter(undefined);
    await store.delete(key);
  });

  const through = async (t: TestContext, meddling: Meddling, options: S3Options = {}) => {
    const way = await meddler(server.port, meddling);
    t.after(() => way.close());
    return open(t, { endpoint: `http://127.0.0.1:${way.port}` }, options);
  };

  test("a reader that pauses for longer than a silent connection is kept misses nothing", async (t) => {
    const closed = Promise.withResolvers<void>();
    const store = await through(t, { closed: closed.resolve }, { times: { silence: 300 } });
    const [key, bytes] = [newKey(), randomBody(40 * MIB)];
    await store.put(key, chunked(bytes));
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    await once(stream, "readable");
    await closed.promise;
    assert.equal(sha256(await readAll(stream)), sha256(bytes));
    await store.delete(key);
  });

  test("bytes that change on their way are not stored", async (t) => {
    const mark = Buffer.from("these bytes are changed on their way");
    const store = await through(t, {
      request: (bytes) => {
        const at = bytes.indexOf(mark);
        if (at !== -1) bytes[at] = 0;
        return bytes;
      },
    });
    for (const size of [10, 9 * MIB]) {
      const key = newKey();
      const body = Buffer.concat([mark, randomBody(size)]);
      await assert.rejects(store.put(key, chunked(body)), isBlobError("unavailable", /SHA256/i));
      assert.equal(await store.get(key), undefined);
    }
    assert.deepEqual(await pending(t), []);
  });

  test("a completion whose answer is lost is a completion", async (t) => {
    let lost = 0;
    const store = await through(t, {
      answer: (bytes, asked) => {
        if (!/^POST \S+uploadId=/.test(asked) || lost > 0) return bytes;
        lost += 1;
        return undefined;
      },
    });
    const [key, bytes] = [newKey(), randomBody(9 * MIB)];
    await store.put(key, chunked(bytes));
    assert.equal(lost, 1);
    const stream = await store.get(key);
    assert.ok(stream !== undefined && (await readAll(stream)).equals(bytes));
    await store.delete(key);
  });

  test("requests have no checksum headers that a server may not know", async (t) => {
    const asked: string[] = [];
    const store = await through(t, {
      request: (bytes) => {
        const text = bytes.toString("latin1", 0, 2000);
        if (/^[A-Z]+ \//.test(text)) asked.push(text.split("\r\n\r\n", 1)[0] ?? "");
        return bytes;
      },
    });
    await store.prepare();
    const key = newKey();
    await store.put(key, chunked(randomBody(9 * MIB)));
    const stream = await store.get(key);
    assert.ok(stream !== undefined);
    await readAll(stream);
    await store.delete(key);
    assert.ok(asked.length >= 8, `${asked.length} requests`);
    for (const head of asked)
      assert.doesNotMatch(head, /x-amz-(sdk-)?checksum|aws-chunked|trailer|expect:/i);
  });

  test("uploads get on without any memory in common", async (t) => {
    const bucket = bucketOf(server);
    t.after(() => bucket.close());
    const uploads = { bucket, memory: new PartMemory(0), own: new Set<string>() };
    const bodies = Array.from({ length: 6 }, () => ({
      key: newKey(),
      bytes: randomBody(20 * MIB),
    }));
    await Promise.all(bodies.map(({ key, bytes }) => upload(uploads, key, chunked(bytes))));
    for (const { key, bytes } of bodies) {
      assert.equal(await bucket.size(key), bytes.length);
      await bucket.remove(key);
    }
    assert.equal(uploads.own.size, 0);
  });
});
