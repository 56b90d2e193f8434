import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { BlobStore } from "./blob-store.ts";
import { checkedBody } from "./checked-body.ts";
import { transfer } from "./transfer.ts";

/** Takes bodies as every store does, and keeps nothing. */
function store(maxBytes = Number.MAX_SAFE_INTEGER): Pick<BlobStore, "put"> {
  return {
    async put(_, body, options) {
      for await (const _chunk of checkedBody(body, maxBytes, options));
    },
  };
}

async function* body(): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < 10; n++) yield Buffer.alloc(1_000);
}

test("an upload into two stores that was given up before it began fails, and nothing else does", async () => {
  const targets = [store(), store()].map((each) => ({ store: each as BlobStore, key: "k" }));
  const reason = new Error("the client is gone");
  const options = { signal: AbortSignal.abort(reason), below: Number.POSITIVE_INFINITY };
  await assert.rejects(transfer(body(), targets, options), (error) => error === reason);
  await turn();
});

test("an upload that one of two stores does not even look at fails, and nothing else does", async () => {
  const targets = [store(), store(100)].map((each) => ({ store: each as BlobStore, key: "k" }));
  const options = { size: 10_000, below: Number.POSITIVE_INFINITY };
  await assert.rejects(transfer(body(), targets, options), /more than the 100 bytes/);
  await turn();
});
