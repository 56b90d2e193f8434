/**
 * The flagship example: 300 orders go through a flaky shop while the server is killed twice, the second time together
 * with its PostgreSQL. In the end every order is finished and every effect at the shop happened exactly once.
 *
 *     npm run demo [-- --orders 300 --seed millrace]
 */
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Instance, MillraceClient } from "@millrace/sdk";
import { freeFolder } from "./free-folder.ts";
import { Progress } from "./progress.ts";
import { faults, report } from "./report.ts";
import { type Kill, ServerProcess } from "./server-process.ts";
import { DECLINED_CARD, openShop, type Shop } from "./shop.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Orders that are on their way to the server at the same time. */
const AT_ONCE = 25;
/** Shares of the shop's work after which the server is killed. */
const KILL_AT = [0.3, 0.65] as const;
/** Effects of an order, roughly: 4 when it is fulfilled, 5 when it is compensated. */
const EFFECTS_PER_ORDER = 4;
/** Seconds after which something is wrong. */
const TIME_LIMIT = 120;

const { values } = parseArgs({
  options: {
    orders: { type: "string", default: "300" },
    seed: { type: "string", default: "millrace" },
  },
});

async function main(orders: number, seed: string): Promise<boolean> {
  const began = performance.now();
  const dataDir = freeFolder();
  const shop = await openShop(seed);
  const server = new ServerProcess(dataDir);
  endOnInterrupt(server);
  say(`starting millrace dev in ${relative(process.cwd(), dataDir) || dataDir}`);
  const notified = (): string => `${shop.applied.notifications.size} of ${orders} orders`;
  const progress = new Progress(
    process.stdout,
    () => `${notified()} done, ${shop.total} effects at the shop`,
  );
  try {
    await server.start();
    const finished = await Promise.race([
      killedOrders(server, shop, orders, (text) => progress.say(text)),
      timeLimit(dataDir, () => `only ${notified()} are done`),
    ]);
    progress.end();
    const seconds = (performance.now() - began) / 1_000;
    const result = { ...finished, shop, seconds };
    say(report(result));
    say(furtherLook(dataDir, finished.orders));
    return faults(result).length === 0;
  } finally {
    progress.end();
    await server.stop();
    shop.close();
  }
}

/** Places the orders, kills the server in the middle, and waits for the orders to finish. */
async function killedOrders(
  server: ServerProcess,
  shop: Shop,
  orders: number,
  say: (text: string) => void,
): Promise<{
  readonly orders: readonly Instance[];
  readonly kills: readonly Kill[];
}> {
  const client = new MillraceClient({
    url: server.url,
    // The server is away now and then: whoever waits for it asks again.
    retry: { retries: 200, longestDelay: 200 },
  });
  await client.workflows.apply(await readFile(join(import.meta.dirname, "order.yaml"), "utf8"));
  say(`ready at ${server.url}; ${orders} orders are on their way, the shop is at ${shop.url}`);
  const [finished, kills] = await Promise.all([
    placeOrders(client, shop, orders),
    killInTheMiddle(server, shop, orders, say),
  ]);
  return { orders: finished, kills };
}

/** Rejects when the demonstration takes longer than anything explains. */
async function timeLimit(dataDir: string, standing: () => string): Promise<never> {
  await setTimeout(TIME_LIMIT * 1_000, undefined, { ref: false });
  throw new Error(
    `not finished within ${TIME_LIMIT} s: ${standing()}. What happened is stored: npm run millrace -- dev --data-dir ${relative(ROOT, dataDir)}`,
  );
}

/** Kills when the shop has done a part of its work: each time some orders are under way, and some are not placed yet. */
async function killInTheMiddle(
  server: ServerProcess,
  shop: Shop,
  orders: number,
  say: (text: string) => void,
): Promise<readonly Kill[]> {
  const kills: Kill[] = [];
  for (const [turn, share] of KILL_AT.entries()) {
    const count = Math.ceil(orders * EFFECTS_PER_ORDER * share);
    await new Promise<void>((resolve) => shop.when(count, resolve));
    const kill = await server.killAndStart(turn === KILL_AT.length - 1);
    say(
      `SIGKILL of ${kill.what} after ${count} effects; back after ${kill.backAfter.toFixed(0)} ms`,
    );
    kills.push(kill);
  }
  return kills;
}

/** Places every order, a few at a time, and waits for each to finish. */
async function placeOrders(
  client: MillraceClient,
  shop: Shop,
  orders: number,
): Promise<readonly Instance[]> {
  const numbers = Array.from({ length: orders }, (_, index) => index + 1);
  const started = await inTurns(numbers, (order) => placeOrder(client, shop, order));
  return inTurns(started, (id) => client.instances.wait(id));
}

async function placeOrder(client: MillraceClient, shop: Shop, order: number): Promise<string> {
  const { id } = await client.instances.start({
    namespace: "shop",
    name: "order",
    idempotencyKey: `order-${order}`,
    input: {
      order,
      shop: shop.url,
      card: order % 10 === 7 ? DECLINED_CARD : "4000-0001",
      items: [
        { sku: "grain", quantity: 1 + (order % 3), price: 4.5 },
        { sku: "flour", quantity: 1, price: 2.25 },
      ],
    },
  });
  return id;
}

/** Does `work` for each item, {@link AT_ONCE} at the same time; the results keep the items' order. */
async function inTurns<Item, Done>(
  items: readonly Item[],
  work: (item: Item) => Promise<Done>,
): Promise<Done[]> {
  const results: Done[] = [];
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function furtherLook(dataDir: string, orders: readonly Instance[]): string {
  const folder = relative(ROOT, dataDir);
  return [
    "",
    "Look further: everything that happened is stored. Start the server again, and ask it from another terminal:",
    `  npm run millrace -- dev --data-dir ${folder}`,
    "  npm run millrace -- list --limit 10",
    `  npm run millrace -- describe ${orders[0]?.id ?? "ID"}`,
    `  npm run millrace -- history ${orders[0]?.id ?? "ID"}`,
    "The workflow is examples/orders/order.yaml, the shop examples/orders/shop.ts.",
  ].join("\n");
}

function endOnInterrupt(server: ServerProcess): void {
  process.once("SIGINT", () => {
    void server.stop().finally(() => process.exit(130));
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  const isRight = await main(Number(values.orders), values.seed);
  process.exit(isRight ? 0 : 1);
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  // Calls that nobody waits for any more would go on for a while.
  process.exit(1);
}
