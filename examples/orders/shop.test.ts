/** The shop fails as it says it does, and keeps its half of "exactly once". */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DECLINED_CARD, type Effect, openShop, type Shop } from "./shop.ts";

const opened: Shop[] = [];
after(() => {
  for (const shop of opened) shop.close();
});

async function open(seed: string): Promise<Shop> {
  const shop = await openShop(seed);
  opened.push(shop);
  return shop;
}

/** The status of the answer, or `lost` when the connection was cut instead. */
async function ask(
  shop: Shop,
  effect: Effect,
  body: object,
  key: string | undefined,
): Promise<number | "lost"> {
  const headers = {
    "content-type": "application/json",
    ...(key === undefined ? {} : { "idempotency-key": key }),
  };
  const url = `${shop.url}/${effect}`;
  try {
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return "lost";
  }
}

/** Asks until there is an answer that is not 503. Gives all answers. */
async function insist(shop: Shop, effect: Effect, body: object, key: string) {
  const answers: (number | "lost")[] = [];
  do answers.push(await ask(shop, effect, body, key));
  while (answers.at(-1) === "lost" || answers.at(-1) === 503);
  return answers;
}

const ORDERS = Array.from({ length: 60 }, (_, index) => index + 1);

test("however often a call is repeated under its key, its effect happens once", async () => {
  const shop = await open("once");
  const reserve = async (order: number): Promise<void> => {
    await insist(shop, "reservations", { order }, `key-${order}`);
    await insist(shop, "reservations", { order }, `key-${order}`);
  };
  await Promise.all(ORDERS.map(reserve));
  assert.deepEqual([...shop.applied.reservations.values()], Array(ORDERS.length).fill(1));
  assert.equal(shop.total, ORDERS.length);
  assert.ok(shop.tallies.reservations.repeated >= ORDERS.length);
});

test("under a second key the effect happens a second time, and the books show it", async () => {
  const shop = await open("twice");
  await insist(shop, "packages", { order: 1 }, "one");
  await insist(shop, "packages", { order: 1 }, "another");
  assert.equal(shop.applied.packages.get(1), 2);
});

test("a lost answer is one whose effect has happened; a busy shop has done nothing", async () => {
  const shop = await open("moods");
  const answers = await Promise.all(
    ORDERS.map((order) => ask(shop, "notifications", { order }, `key-${order}`)),
  );
  for (const [index, answer] of answers.entries()) {
    const times = shop.applied.notifications.get(ORDERS[index] ?? 0) ?? 0;
    assert.equal(times, answer === 503 ? 0 : 1, `${answer}`);
  }
  assert.deepEqual([...new Set(answers)].map(String).toSorted(), ["201", "503", "lost"]);
  const { overloaded, answersLost, requests } = shop.tallies.notifications;
  assert.equal(requests, ORDERS.length);
  assert.ok(overloaded > 0 && answersLost > 0);
});

test("a declined card is refused each time, and never charged", async () => {
  const shop = await open("declined");
  const body = { order: 1, card: DECLINED_CARD };
  assert.equal((await insist(shop, "charges", body, "key")).at(-1), 402);
  assert.equal((await insist(shop, "charges", body, "key")).at(-1), 402);
  assert.equal(shop.applied.charges.size, 0);
});

test("without a key nothing is done", async () => {
  const shop = await open("keyless");
  assert.equal(await ask(shop, "charges", { order: 1 }, undefined), 400);
  assert.equal(shop.total, 0);
});

test("the same seed gives the same behaviour", async () => {
  const run = async (): Promise<unknown[]> => {
    const shop = await open("again");
    return Promise.all(ORDERS.map((order) => ask(shop, "packages", { order }, `k${order}`)));
  };
  assert.deepEqual(await run(), await run());
});

test("calls back once, when so many effects have happened", async () => {
  const shop = await open("milestones");
  const seen: number[] = [];
  shop.when(3, () => seen.push(shop.total));
  for (const order of ORDERS.slice(0, 5)) await insist(shop, "releases", { order }, `k${order}`);
  assert.deepEqual(seen, [3]);
});
