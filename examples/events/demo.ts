/**
 * Time and events, with a server that is killed between each two events: two orders wait for three events each, a workflow is
 * started by what they emit, another by the clock, and a webhook is told of it all. Exits with 1 when anything is missing
 * or happened twice.
 *
 *     npm run demo:events
 */
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CloudEvent, type Instance, MillraceClient } from "@millrace/sdk";
import { freeFolder } from "../orders/free-folder.ts";
import { ServerProcess } from "../orders/server-process.ts";
import { openReceiver, type Receiver } from "./receiver.ts";
import { type Found, missing, type Started, TYPES } from "./report.ts";

const DEFINITIONS = ["steps", "dossier", "receipt", "stock-count"] as const;
const ORDERS = ["A", "B"] as const;
/** Each round one event for each order: those of B come in reverse. */
const ROUNDS = [
  { A: "paid", B: "shipped" },
  { A: "packed", B: "packed" },
  { A: "shipped", B: "paid" },
] as const;
const DATA = {
  paid: { amount: 42 },
  packed: { parcel: "P-1" },
  shipped: { carrier: "snail" },
} as const;
/** Seconds after which something is wrong. */
const TIME_LIMIT = 120;

async function main(): Promise<boolean> {
  const began = performance.now();
  const dataDir = freeFolder();
  const server = new ServerProcess(dataDir);
  const receiver = await openReceiver();
  process.once("SIGINT", () => void server.stop().finally(() => process.exit(130)));
  try {
    say(`starting millrace dev in ${relative(process.cwd(), dataDir) || dataDir}`);
    await server.start();
    const found = await Promise.race([run(server, receiver), timeLimit()]);
    const faults = missing(found);
    for (const fault of faults) say(`MISSING OR WRONG: ${fault}`);
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    if (faults.length === 0) say(`nothing missing, nothing twice, in ${seconds} s`);
    return faults.length === 0;
  } finally {
    await server.stop();
    receiver.close();
  }
}

async function run(server: ServerProcess, receiver: Receiver): Promise<Found> {
  const client = new MillraceClient({
    url: server.url,
    // The server is away now and then: whoever waits for it asks again.
    retry: { retries: 200, longestDelay: 200 },
  });
  await prepare(client, receiver);
  const started = await startOrders(client);
  await until(() => Promise.resolve(receiver.counts.turnedAway > 0));
  for (const [number, round] of ROUNDS.entries()) {
    const events = ORDERS.map((order) => eventOf(order, round[order]));
    await client.events.publish(events);
    say(
      `published: ${events.map(({ type, data }) => `${last(type)} ${JSON.stringify(data)}`).join(", ")}`,
    );
    if (number === ROUNDS.length - 1) break;
    const { what, backAfter } = await server.killAndStart(number === 1);
    say(`SIGKILL of ${what}; back after ${backAfter.toFixed(0)} ms`);
    const { duplicates } = await client.events.publish(events);
    say(`published again: ${duplicates} of ${events.length} are duplicates`);
    await sayWaits(client, started, round);
  }
  receiver.down = false;
  say(`the webhook's receiver is up; so far it turned ${receiver.counts.turnedAway} requests away`);
  return gather(client, started, receiver);
}

/** The receiver is down at first: what it is to get waits for it, in the database. */
async function prepare(client: MillraceClient, receiver: Receiver): Promise<void> {
  for (const name of DEFINITIONS)
    await client.workflows.apply(await readFile(join(import.meta.dirname, `${name}.yaml`), "utf8"));
  receiver.down = true;
  const { secret } = await client.webhooks.create({
    name: "demo",
    url: receiver.url,
    filter: {
      types: [TYPES.started, TYPES.closed, TYPES.completed],
      workflows: ["examples/steps", "examples/dossier", "examples/receipt"],
    },
    retry: { minDelay: "200ms", maxDelay: "1s" },
  });
  receiver.secret = secret ?? "";
}

async function startOrders(client: MillraceClient): Promise<readonly Started[]> {
  const started: Started[] = [];
  for (const order of ORDERS)
    for (const name of ["steps", "dossier"] as const) {
      const { id } = await client.instances.start({
        namespace: "examples",
        name,
        input: { order },
        idempotencyKey: `${name}-${order}`,
      });
      started.push({ order, name, id });
    }
  return started;
}

function eventOf(order: string, what: keyof typeof DATA): CloudEvent {
  return {
    specversion: "1.0",
    // Known by source and id: published again, it is the same event.
    id: `${what}-${order}`,
    source: "/examples/till",
    type: `com.example.shop.${what}`,
    data: { order, ...DATA[what] },
  };
}

/** Says what each waits for when it has taken what it can of the round. */
async function sayWaits(
  client: MillraceClient,
  started: readonly Started[],
  round: (typeof ROUNDS)[number],
): Promise<void> {
  for (const { order, name, id } of started) {
    let waits: readonly string[] = [];
    await until(async () => {
      const { waitingFor = [] } = await client.instances.get(id);
      waits = waitingFor.flatMap(({ events = [] }) =>
        events.map(({ type = "any event" }) => last(type)),
      );
      return !waits.includes(round[order]);
    });
    say(`  ${name} ${order} waits for ${waits.join(", ")}`);
  }
}

async function gather(
  client: MillraceClient,
  started: readonly Started[],
  receiver: Receiver,
): Promise<Found> {
  const orders = await Promise.all(started.map(({ id }) => client.instances.wait(id)));
  for (const [index, { output }] of orders.entries())
    say(`${started[index]?.name} ${started[index]?.order} gave ${JSON.stringify(output)}`);
  // One for each order; what comes beyond that is reported.
  await until(async () => (await instancesOf(client, "receipt")).length >= ORDERS.length);
  await client.schedules.pause("examples.stock-count");
  await until(async () => {
    const all = [
      ...(await instancesOf(client, "receipt")),
      ...(await instancesOf(client, "stock-count")),
    ];
    return all.every(({ status }) => status === "completed");
  });
  const receipts = await instancesOf(client, "receipt");
  for (const { output } of receipts) say(JSON.stringify(output));
  const decisions = await Array.fromAsync(client.schedules.decisions("examples.stock-count"));
  const counts = await instancesOf(client, "stock-count");
  say(`stock-count: ${decisions.length} times, ${counts.length} instances`);
  // The start and the end of each instance, and what each order emitted.
  const owed = 2 * (started.length + receipts.length) + ORDERS.length;
  await until(() => Promise.resolve(receiver.received.size >= owed));
  const { repeated, turnedAway, forged } = receiver.counts;
  say(
    `webhook: ${receiver.received.size} events, signatures right, ${repeated} of them came again; ` +
      `${turnedAway} requests turned away, ${forged} with a wrong signature`,
  );
  return { started, orders, receipts, decisions, counts, receiver };
}

/** With inputs and outputs. */
async function instancesOf(client: MillraceClient, name: string): Promise<readonly Instance[]> {
  const all = await Array.fromAsync(client.instances.list({ namespace: "examples", name }));
  return Promise.all(all.map(({ id }) => client.instances.get(id)));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50);
}

async function timeLimit(): Promise<never> {
  await sleep(TIME_LIMIT * 1_000, undefined, { ref: false });
  throw new Error(`not finished within ${TIME_LIMIT} s; what happened is above`);
}

function last(type: string): string {
  return type.split(".").at(-1) ?? type;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  process.exit((await main()) ? 0 : 1);
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  // Calls that nobody waits for any more would go on for a while.
  process.exit(1);
}
