import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Handler, startHttpFixture } from "@millrace/testkit/http";
import { circuitBreakers, DEFAULT_BREAKER } from "../egress/breaker.ts";
import { parseOrigins } from "../egress/origins.ts";
import { egressPolicy } from "../egress/policy.ts";
import { connectionPools } from "../egress/pools.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { responseCaches } from "./cache.ts";
import type { StreamedResponse } from "./message.ts";
import { httpTransport } from "./transport.ts";

const never = new AbortController().signal;

/** Opens what `handle` answers; at most 1,000 bytes of it. */
async function opened(t: TestContext, handle: Handler, signal = never): Promise<StreamedResponse> {
  const server = await startHttpFixture(handle);
  const limits = { ...DEFAULT_LIMITS, maxResponseBytes: 1000 };
  const pools = connectionPools(limits);
  const transport = httpTransport({
    tenant: "default",
    pools,
    caches: responseCaches(limits.maxCacheBytes),
    breakers: circuitBreakers(DEFAULT_BREAKER),
    policy: egressPolicy({ allowLoopback: true }),
    limits,
    origins: parseOrigins({}),
  });
  t.after(() => pools.close());
  t.after(() => server.close());
  return transport.open({ method: "GET", url: new URL(server.origin), headers: {} }, signal);
}

async function textOf({ body }: StreamedResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("a streamed response can be read before it ends, and then to its end", async (t) => {
  let finish = (): void => {};
  const response = await opened(t, (request, answer) => {
    assert.equal(request.headers["accept-encoding"], "identity");
    answer.writeHead(202, { "x-kind": "slow" }).write("one");
    finish = () => void answer.end("two");
    return undefined;
  });
  assert.deepEqual([response.status, response.headers["x-kind"]], [202, "slow"]);
  const pieces = response.body[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await pieces.next()).value as Uint8Array).toString(), "one");
  finish();
  assert.equal(Buffer.from((await pieces.next()).value as Uint8Array).toString(), "two");
  assert.equal((await pieces.next()).done, true);
});

test("a streamed response is bounded in size, and refused when it is encoded", async (t) => {
  const endless = await opened(t, (_, answer) => {
    const more = (): void => void answer.write("x".repeat(100), () => setImmediate(more));
    more();
    return undefined;
  });
  await assert.rejects(textOf(endless), /larger than 1000 bytes/);
  const encoded = opened(t, () => ({ headers: { "content-encoding": "gzip" }, body: "x" }));
  await assert.rejects(encoded, /content coding gzip/);
});

test("the end of the time ends a streamed response, and so does the reader", async (t) => {
  const closed = Promise.withResolvers<void>();
  const controller = new AbortController();
  const handle: Handler = (_, answer) => {
    answer.on("close", () => closed.resolve());
    answer.write("x");
    return undefined;
  };
  const response = await opened(t, handle, controller.signal);
  const read = textOf(response);
  controller.abort(new Error("enough"));
  await assert.rejects(read, /the request failed/);
  await closed.promise;
  const left = Promise.withResolvers<void>();
  const unread = await opened(t, (_, answer) => {
    answer.on("close", () => left.resolve());
    answer.write("x");
    return undefined;
  });
  unread.discard();
  await left.promise;
});
