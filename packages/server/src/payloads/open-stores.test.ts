import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../settings.ts";
import { silentLogger } from "../logger.ts";
import { ManualClock } from "../workers/testing-clock.ts";
import { BlobError, type BlobStore } from "./blob-store.ts";
import { prepareStores } from "./open-stores.ts";

type Prepare = BlobStore["prepare"];

/** A store that can be made ready, or not, and nothing else. */
function storeWith(prepare: Prepare): BlobStore {
  return { name: "s3", prepare } as BlobStore;
}

function stand() {
  const clock = new ManualClock();
  const logged: string[] = [];
  const error = (_: object, message: string): void => void logged.push(message);
  return { clock, logged, log: { ...silentLogger, error } };
}

test("a start does not wait long for a store that is silent, and is told late that it will never do", async () => {
  const { clock, logged, log } = stand();
  const silent = Promise.withResolvers<void>();
  let ready = 0;
  const stores = [
    storeWith(() => silent.promise),
    storeWith(async () => {
      ready += 1;
    }),
  ];
  const started = prepareStores(stores, { clock, log });
  await new Promise(setImmediate);
  assert.equal(ready, 1, "the other was not held up");
  clock.pass(10_000);
  const end = await started;
  silent.reject(new BlobError("refused", "no such bucket"));
  await new Promise(setImmediate);
  assert.deepEqual(logged, ["a store of payloads cannot be used, and is not tried again"]);
  end();
});

test("a start fails when a store refuses; one that is away is asked again until it is there or nobody waits for it", async () => {
  const { clock, logged, log } = stand();
  const refused = storeWith(() => Promise.reject(new BlobError("refused", "no such bucket")));
  await assert.rejects(prepareStores([refused], { clock, log }), ConfigError);
  let asked = 0;
  const away = storeWith(() => {
    asked += 1;
    return Promise.reject(new BlobError("unavailable", "no answer"));
  });
  const end = await prepareStores([away], { clock, log });
  for (const times of [1, 2, 3]) {
    assert.deepEqual([asked, logged.length], [times, times]);
    clock.pass(5_000);
    await new Promise(setImmediate);
  }
  end();
  clock.pass(60_000);
  assert.equal(asked, 4);
});
