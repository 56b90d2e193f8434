import assert from "node:assert/strict";
import { test } from "node:test";
import { Groups, type GroupLimits, type Waiting } from "./groups.ts";
import { PayloadError } from "./payloads.ts";

interface Named {
  readonly key: string;
  readonly bytes: number;
}
type Call = {
  readonly keys: readonly string[];
  readonly waiting: readonly Waiting<Named, string>[];
  answer(): void;
  fail(error: unknown): void;
};

const LIMITS: GroupLimits = {
  inFlight: 2,
  enough: 3,
  items: 4,
  bytes: 1_000,
  queuedItems: 10,
  queuedBytes: 5_000,
};

/** Groups whose calls the test answers, and whose clock it moves. */
function stand(limits: Partial<GroupLimits> = {}) {
  const calls: Call[] = [];
  const deferred: (() => void)[] = [];
  const time = { now: 0 };
  const groups = new Groups<Named, string>({
    run: (waiting) =>
      new Promise((resolve, reject) => {
        const keys = waiting.map(({ item }) => item.key);
        const answer = (): void => resolve(keys.map((key) => `done ${key}`));
        calls.push({ keys, waiting, answer, fail: reject });
      }),
    compare: (a, b) => (a.key < b.key ? -1 : 1),
    again: (result) => `${result} again`,
    merge: (first) => first,
    isOutage: (error) => error instanceof PayloadError,
    clock: { defer: (run) => void deferred.push(run), monotonic: () => time.now },
    limits: { ...LIMITS, ...limits },
  });
  const put = (key: string, bytes = 1): Promise<string> => groups.submit({ key, bytes });
  /** Takes in what has arrived. */
  const turn = async (): Promise<void> => {
    for (let run = deferred.shift(); run !== undefined; run = deferred.shift()) run();
    for (let n = 0; n < 10; n++) await Promise.resolve();
    if (deferred.length > 0) await turn();
  };
  return { calls, groups, put, turn, time };
}

test("what arrives together goes in one call, in order; who asks for the same shares the answer", async () => {
  const { calls, put, turn } = stand();
  const all = [put("b"), put("a"), put("b")];
  await turn();
  assert.deepEqual(
    calls.map(({ keys }) => keys),
    [["a", "b"]],
  );
  calls[0]!.answer();
  assert.deepEqual(await Promise.all(all), ["done b", "done a", "done b again"]);
});

test("who comes while a call runs waits for its end, unless there are enough, or that call is slow", async () => {
  const { calls, put, turn, time } = stand();
  const first = put("a");
  await turn();
  const second = put("b");
  await turn();
  assert.equal(calls.length, 1, "one call runs, and one item is not enough for another");
  const more = [put("c"), put("d")];
  await turn();
  assert.deepEqual(calls[1]?.keys, ["b", "c", "d"], "three are");
  const late = put("e");
  time.now += 1_000;
  await turn();
  assert.equal(calls.length, 2, "two calls are as many as there may be");
  calls[1].answer();
  await Promise.all([second, ...more]);
  await turn();
  assert.deepEqual(calls[2]?.keys, ["e"], "the first call has been running for long");
  calls[0]!.answer();
  calls[2].answer();
  await Promise.all([first, late]);
});

test("a call carries no more items and bytes than it may; one that is larger goes alone", async () => {
  const { calls, put, turn } = stand({ queuedBytes: 50_000 });
  const all = [put("a", 600), put("b", 300), put("c", 300), put("d", 9_000), put("e", 1)];
  for (let n = 0; n < 6; n++) {
    await turn();
    for (const call of calls) call.answer();
  }
  await Promise.all(all);
  assert.deepEqual(
    calls.map(({ keys }) => keys),
    [["a", "b"], ["c"], ["d"], ["e"]],
  );
});

test("who comes when too much waits is turned away at once, and the others are served", async () => {
  const { calls, put, turn } = stand({ queuedItems: 2 });
  const served = [put("a"), put("b")];
  await assert.rejects(put("c"), (error: unknown) => {
    assert.ok(error instanceof PayloadError);
    return error.kind === "unavailable";
  });
  await turn();
  calls[0]!.answer();
  await Promise.all(served);
  const next = put("c");
  await turn();
  calls[1]!.answer();
  assert.equal(await next, "done c");
});

test("an item that is refused fails by itself; an outage fails all, and is not asked about again", async () => {
  const { calls, put, turn } = stand();
  const all = [put("a"), put("bad"), put("c")];
  await turn();
  calls[0]!.fail(new Error("one of them is bad"));
  for (let at = 1; at <= 3; at++) {
    await turn();
    const call = calls[at]!;
    if (call.keys[0] === "bad") call.fail(new Error("bad"));
    else call.answer();
  }
  const results = await Promise.allSettled(all);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const away = [put("a"), put("b")];
  await turn();
  calls.at(-1)!.fail(new PayloadError("unavailable", "the database does not answer"));
  const failed = await Promise.allSettled(away);
  assert.ok(failed.every(({ status }) => status === "rejected"));
  assert.equal(calls.length, 5);
});

test("what was changed while a call was under way is marked in that call, and in no later one", async () => {
  const { calls, groups, put, turn } = stand();
  const all = [put("a"), put("b")];
  await turn();
  groups.outdate("a");
  groups.outdate("never asked for");
  assert.deepEqual(
    calls[0]!.waiting.map(({ stale }) => stale),
    [true, false],
  );
  calls[0]!.answer();
  await Promise.all(all);
  const next = put("a");
  await turn();
  assert.equal(calls[1]!.waiting[0]!.stale, false);
  calls[1]!.answer();
  await next;
});
