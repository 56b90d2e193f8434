/** Subscriptions: an executor that brings messages, the engine that takes them, on the durable host and the local one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActivityExecutor, runToEnd } from "@millrace/server/local";
import { type Json, load } from "@millrace/language";
import { document, fresh, open, start } from "./harness.ts";

/** A publisher of numbers: what was taken durably, and how each subscription ended. */
function publisher(last = Number.POSITIVE_INFINITY) {
  const acknowledged: number[] = [];
  let next = 1;
  const execute: ActivityExecutor["execute"] = async (_request, signal, feed) => {
    while (!signal.aborted && next <= last) {
      const number = next;
      const answer = await feed({ payload: { number } }).catch(() => undefined);
      if (answer === undefined) break;
      acknowledged.push(number);
      next = number + 1;
      if (answer === "enough") break;
    }
    return { output: null };
  };
  return { acknowledged, execute };
}

const subscribing = (subscription: string, after = ""): string => `${document("listener")}
do:
  - listen:
      call: asyncapi
      with:
        document: { endpoint: http://broker/asyncapi.json }
        channel: numbers
        subscription: ${subscription}
${after}`;

async function local(text: string, execute: ActivityExecutor["execute"], input: Json = {}) {
  const loaded = load(text);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { state } = await runToEnd(loaded.program, "i", input, { executor: { execute } });
  return state;
}

const numbers = (...all: number[]): Json => all.map((number) => ({ payload: { number } }));

test("consumes an amount of those that pass the filter, and acknowledges all that it looked at", async () => {
  const { acknowledged, execute } = publisher();
  const filter = "'${ .payload.number % 2 == 0 }'";
  const state = await local(subscribing(`{ filter: ${filter}, consume: { amount: 3 } }`), execute);
  assert.deepEqual(state.output, numbers(2, 4, 6));
  // The last is acknowledged when the instance has ended.
  while (acknowledged.length < 6) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(acknowledged, [1, 2, 3, 4, 5, 6]);
});

test("consumes while a condition holds after a message, until one does, and for a time", async () => {
  const consume = (text: string): string => subscribing(`{ consume: { ${text} } }`);
  const lasting = await local(consume("while: '${ .payload.number < 3 }'"), publisher().execute);
  assert.deepEqual(lasting.output, numbers(1, 2, 3));
  const until = await local(consume("until: '${ .payload.number == 2 }'"), publisher().execute);
  assert.deepEqual(until.output, numbers(1, 2));
  const never = await local(consume("until: '${ .enough }'"), publisher().execute, {
    enough: true,
  });
  assert.deepEqual(never.output, []);
  const period = "for: { milliseconds: 50 }, while: '${ true }'";
  const timed = await local(consume(period), publisher(2).execute);
  assert.deepEqual(timed.output, numbers(1, 2));
});

test("each message runs the tasks of foreach, one after another, with output and export", async () => {
  const foreach = `
          consume: { amount: 3 }
          foreach:
            item: message
            at: n
            do:
              - pause: { wait: { milliseconds: 5 } }
              - add: { set: { sum: '\${ ($context.sum // 0) + $message.payload.number + $n }' } }
            output: { as: .sum }
            export: { as: '\${ { sum: . } }' }`;
  const after = "  - all: { set: { sums: '${ . }', last: '${ $context.sum }' } }";
  const { execute } = publisher();
  const state = await local(subscribing(foreach, after), execute);
  assert.deepEqual(state.output, { sums: [1, 4, 9], last: 9 });
});

test("an error of the broker or of foreach faults the task; the subscription ends with either", async () => {
  const aborted = Promise.withResolvers<void>();
  const failing = `
          consume: { while: '\${ true }' }
          foreach: { do: [ { bad: { raise: { error: { type: https://a.test/bad, status: 400 } } } } ] }`;
  const raised = await local(subscribing(failing), async (_request, signal, feed) => {
    signal.addEventListener("abort", () => aborted.resolve());
    await feed({ payload: {} }).catch(() => {});
    return { output: null };
  });
  assert.equal(raised.error?.status, 400);
  await aborted.promise;
  const error = { type: "https://a.test/broker", status: 502 };
  const broken = await local(subscribing("{ consume: { amount: 2 } }"), async (_r, _s, feed) => {
    await feed({ payload: {} });
    return { error };
  });
  assert.equal(broken.error?.status, 502);
});

test("on the durable host each message is acknowledged after its commit, across a restart", async () => {
  const { acknowledged, execute } = publisher();
  const text = subscribing(`
          consume: { amount: 40 }
          foreach: { do: [ { keep: { set: { n: '\${ $item.payload.number }' } } } ], output: { as: .n } }`);
  const { runtime, opened, database } = await fresh([text], execute);
  const { id } = await start(runtime, "listener");
  while (acknowledged.length < 5) await new Promise((resolve) => setImmediate(resolve));
  await opened.stop();
  const again = await open(database, execute);
  const ended = await again.runtime.waitInstance(id, 20_000);
  assert.equal(ended?.status, "completed", JSON.stringify(ended));
  const output = ended?.output as number[];
  assert.equal(output.length, 40);
  // A message whose commit was not heard of comes twice; none is lost and none is out of order.
  assert.deepEqual(
    [...new Set(output)],
    Array.from({ length: new Set(output).size }, (_, n) => n + 1),
  );
  await again.stop();
  await database.drop();
});
