/** What the demonstration has to find in the end, and what of it is missing. */
import type { Instance, ScheduleDecision } from "@millrace/sdk";
import type { Receiver } from "./receiver.ts";

export const TYPES = {
  started: "io.serverlessworkflow.workflow.started.v1",
  closed: "com.example.shop.closed",
  completed: "io.serverlessworkflow.workflow.completed.v1",
} as const;
/** Milliseconds between two times of stock-count.yaml. */
const PERIOD = 2_000;

export interface Started {
  readonly order: "A" | "B";
  readonly name: "steps" | "dossier";
  readonly id: string;
}

export interface Found {
  readonly started: readonly Started[];
  /** In the order of `started`. */
  readonly orders: readonly Instance[];
  readonly receipts: readonly Instance[];
  /** Of stock-count, newest first, and its instances. */
  readonly decisions: readonly ScheduleDecision[];
  readonly counts: readonly Instance[];
  readonly receiver: Pick<Receiver, "received" | "counts">;
}

/** One line for everything that is not as it must be; none when all is well. */
export function missing(found: Found): readonly string[] {
  return [...wrongOrders(found), ...wrongReceipts(found), ...wrongTimes(found), ...untold(found)];
}

/** `steps` puts the events in the order of its tasks; `dossier` has one of each, in the order they came. */
function wrongOrders({ started, orders }: Found): readonly string[] {
  const came: Readonly<Record<Started["order"], readonly string[]>> = {
    A: ["paid", "packed", "shipped"],
    B: ["shipped", "packed", "paid"],
  };
  return started.flatMap(({ order, name }, index) => {
    const expected =
      name === "steps"
        ? { order, paid: 42, parcel: "P-1", carrier: "snail" }
        : { came: came[order] };
    const output = orders[index]?.output;
    return same(output, expected) ? [] : [`${name} ${order} gave ${JSON.stringify(output)}`];
  });
}

function wrongReceipts({ started, receipts }: Found): readonly string[] {
  const expected = started
    .filter(({ name }) => name === "steps")
    .map(({ order }) => `Order ${order}: 42 EUR, parcel P-1, with snail`);
  const written = receipts.map(({ output }) => (output as { receipt?: string }).receipt ?? "");
  return same(written.toSorted(), expected.toSorted())
    ? []
    : [`receipts: ${JSON.stringify(written)}`];
}

/** Every second second from the first to the last has one instance. */
function wrongTimes({ decisions, counts }: Found): readonly string[] {
  const times = decisions.map(({ nominal }) => Date.parse(nominal)).toSorted((a, b) => a - b);
  const gaps = times.slice(1).flatMap((time, index) => {
    const step = time - (times[index] ?? 0);
    return step === PERIOD
      ? []
      : [`stock-count: ${step} ms before ${new Date(time).toISOString()}`];
  });
  const passedOver = decisions
    .filter(({ outcome }) => outcome !== "started")
    .map(({ nominal, reason }) => `stock-count: nothing at ${nominal}, because of ${reason}`);
  const ids = (list: readonly (string | undefined)[]) => list.map(String).toSorted();
  const alike = same(
    ids(decisions.map(({ instanceId }) => instanceId)),
    ids(counts.map(({ id }) => id)),
  );
  const others = alike ? [] : [`stock-count: ${times.length} times, ${counts.length} instances`];
  const few = times.length > 1 ? [] : ["stock-count: no time came"];
  return [...gaps, ...passedOver, ...others, ...few];
}

/** The webhook has the start and then the end of each instance, once, and what each order emitted. */
function untold({ started, orders, receipts, receiver }: Found): readonly string[] {
  const events = [...receiver.received.values()];
  const lives = [...orders, ...receipts].flatMap(({ id }) => {
    const told = events.filter(({ type, subject }) => subject === id && type !== TYPES.closed);
    const types = told.map(({ type }) => type);
    return same(types, [TYPES.started, TYPES.completed])
      ? []
      : [`webhook: of ${id} it got ${types.join(", ") || "nothing"}`];
  });
  const closed = events.filter(({ type }) => type === TYPES.closed).length;
  const steps = started.filter(({ name }) => name === "steps").length;
  return [
    ...lives,
    ...(closed === steps ? [] : [`webhook: ${closed} orders closed`]),
    ...(receiver.counts.forged === 0
      ? []
      : [`webhook: ${receiver.counts.forged} wrong signatures`]),
    ...(receiver.counts.turnedAway > 0 ? [] : ["webhook: it was never down"]),
  ];
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
