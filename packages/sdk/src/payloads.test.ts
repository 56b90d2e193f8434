/** `client.messages` and `client.payloads`, and the digest that the client computes itself. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { startPayloadApi } from "@millrace/testkit/payload-api";
import fc from "fast-check";
import { MillraceClient, MillraceError } from "./index.ts";
import { PlainSha256, sha256 } from "./sha256.ts";

const hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

async function api(t: TestContext) {
  const { url, damage, digests } = await startPayloadApi(t);
  return {
    url,
    damage,
    digests,
    client: new MillraceClient({ url, retry: { retries: 1, delay: 1 } }),
  };
}

/** A client whose answers are changed on the way. */
function altered(url: string, change: (text: string) => string): MillraceClient {
  return new MillraceClient({
    url,
    fetch: async (...request) => {
      const response = await fetch(...request);
      const { status, headers } = response;
      return new Response(change(await response.text()), { status, headers });
    },
  });
}

const isMismatch = (error: unknown): boolean =>
  error instanceof MillraceError && error.code === "digest-mismatch";

test("SHA-256 without a platform's help is SHA-256, in whatever pieces the bytes come", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
  fc.assert(
    fc.property(pieces, (parts) => {
      for (const hash of [new PlainSha256(), sha256()]) {
        for (const part of parts) hash.update(part);
        assert.equal(hash.hex(), hex(Buffer.concat(parts)));
      }
    }),
    { numRuns: 300 },
  );
  const whole = Buffer.alloc(1_000_003, "x");
  const hash = new PlainSha256();
  hash.update(whole);
  assert.equal(hash.hex(), hex(whole));
});

test("messages are put, read and deleted", async (t) => {
  const { client } = await api(t);
  const digest = await client.messages.put("h\u00e9llo");
  assert.equal(digest, hex("h\u00e9llo"));
  assert.equal(await client.messages.get(digest), "h\u00e9llo");
  await client.messages.delete(digest);
  await assert.rejects(client.messages.get(digest), { code: "message-not-found" });
  await assert.rejects(client.messages.put("\ud800"), TypeError);
});

test("a deletion whose answer was lost is done, though the next try finds nothing", async (t) => {
  const { url } = await api(t);
  let deletions = 0;
  const forgetful = new MillraceClient({
    url,
    retry: { retries: 1, delay: 1 },
    fetch: async (...request) => {
      const response = await fetch(...request);
      deletions += request[1]?.method === "DELETE" ? 1 : 0;
      if (deletions !== 1) return response;
      throw new TypeError("fetch failed");
    },
  });
  const digest = await forgetful.messages.put("once");
  await forgetful.messages.delete(digest);
  assert.equal(deletions, 2);
  await assert.rejects(forgetful.messages.delete(digest), { code: "message-not-found" });
});

test("payloads are put from memory or a stream, and read whole, in part or as a stream", async (t) => {
  const { client } = await api(t);
  const bytes = randomBytes(300_000);
  const stream = new Blob([bytes]).stream();
  const put = await client.payloads.put(stream, { mediaType: "image/png", ttl: "1h" });
  assert.deepEqual([put.digest, put.size, put.mediaType], [hex(bytes), 300_000, "image/png"]);
  assert.equal(Date.parse(put.expiresAt ?? "") - Date.parse(put.createdAt), 3_600_000);
  assert.deepEqual(
    await client.payloads.put(new Uint8Array(bytes)).then(({ digest }) => digest),
    put.digest,
  );
  const { mediaType, body } = await client.payloads.get(put.digest);
  assert.equal(mediaType, "image/png");
  const chunks = await Array.fromAsync(body as unknown as AsyncIterable<Uint8Array>);
  assert.ok(Buffer.concat(chunks).equals(bytes));
  const part = await client.payloads.bytes(put.digest, { range: { first: 5, last: 9 } });
  assert.deepEqual(Buffer.from(part), bytes.subarray(5, 10));
  const rest = await client.payloads.bytes(put.digest, { range: { first: 299_999 } });
  assert.deepEqual(Buffer.from(rest), bytes.subarray(299_999));
  for (const range of [{ first: -5 }, { first: 2, last: 1 }, { first: 0.5 }, { first: Number.NaN }])
    await assert.rejects(client.payloads.get(put.digest, { range }), RangeError);
  const text = await client.payloads.put("text".repeat(1_000));
  assert.equal(text.mediaType, "text/plain; charset=utf-8");
  // Sent compressed, read as it was.
  assert.equal(
    Buffer.from(await client.payloads.bytes(text.digest)).toString(),
    "text".repeat(1_000),
  );
  assert.equal((await client.payloads.put("")).size, 0);
  assert.equal((await client.payloads.bytes(hex(""))).length, 0);
});

test("payloads are described, listed, verified and deleted", async (t) => {
  const { client, damage } = await api(t);
  const texts = ["a", "b", "c"];
  for (const text of texts) await client.payloads.put(text);
  const listed = await Array.fromAsync(client.payloads.list({ limit: 2 }));
  assert.deepEqual(
    listed.map(({ digest }) => digest),
    texts.map(hex).toSorted(),
  );
  assert.deepEqual(
    await client.payloads.describe(hex("a")),
    listed.find(({ digest }) => digest === hex("a")),
  );
  await damage(hex("b"));
  const { copies } = await client.payloads.verify(hex("b"));
  assert.deepEqual(copies, [{ store: "database", state: "damaged" }]);
  await client.payloads.delete(hex("a"));
  await assert.rejects(client.payloads.describe(hex("a")), { code: "payload-not-found" });
  await assert.rejects(client.payloads.get("x"), { code: "invalid-digest" });
});

test("bytes that were changed on the way are noticed, whole or not at all", async (t) => {
  const { client, url } = await api(t);
  const digest = await client.messages.put("precious");
  const reading = altered(url, (text) => text.replace("precious", "worthless"));
  await assert.rejects(reading.messages.get(digest), isMismatch);
  await assert.rejects(reading.payloads.bytes(digest), isMismatch);
  const writing = altered(url, (text) => text.replaceAll(digest, hex("other")));
  await assert.rejects(writing.messages.put("precious"), isMismatch);
  await assert.rejects(writing.payloads.put(new Blob(["precious"]).stream()), isMismatch);
});

test("a stream that breaks is not sent again, and nothing of it is stored", async (t) => {
  const { client, digests } = await api(t);
  let pulls = 0;
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1;
      if (pulls < 3) controller.enqueue(new Uint8Array(10));
      else controller.error(new Error("the disk is gone"));
    },
  });
  await assert.rejects(client.payloads.put(broken), MillraceError);
  assert.equal(pulls, 3);
  assert.deepEqual(await digests(), []);
});
