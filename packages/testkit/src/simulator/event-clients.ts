/** Those who start instances that listen, and publish the events of an order: again until they are taken, some of them twice. */
import { isTerminal } from "@millrace/engine";
import type { JsonObject } from "@millrace/language";
import { within } from "@millrace/server/ports";
import { Asking, type Reachable } from "./asking.ts";
import { LISTENING } from "./event-workflows.ts";
import type { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";

/** Milliseconds after the calm begins at which each instance has long heard what there is. */
const HEARD = 60_000;
/** Milliseconds between two ticks, and two looks for whoever has heard too little. */
const TICK = 4_000;
const AGAIN = 20_000;

export class EventClients {
  readonly acknowledged = new Set<string>();
  busy = 0;
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #asking: Asking;
  readonly #nodes: () => readonly Reachable[];
  #published = 0;

  constructor(around: Surroundings, random: Random, nodes: () => readonly Reachable[]) {
    this.#around = around;
    this.#random = random;
    this.#nodes = nodes;
    this.#asking = new Asking(around, random, nodes);
  }

  begin(): void {
    const { plan, loop } = this.#around;
    const random = this.#random;
    for (let each = 0; each < plan.orders; each += 1) {
      const order = `order-${each}`;
      const { name } = random.pick(LISTENING);
      const begins = random.between(0, plan.calmAt * 0.7);
      this.busy += 2;
      loop.at(begins, () => this.#start(name, order));
      loop.at(begins + random.between(-10_000, 10_000), () =>
        this.#publishAll(this.#script(order), () => (this.busy -= 1)),
      );
    }
    if (plan.schedules > 0) this.#tick();
    loop.at(plan.calmAt + HEARD, () => this.#again());
  }

  #start(name: string, order: string): void {
    const { loop } = this.#around;
    const again = (): void =>
      void loop.at(loop.now + this.#random.between(50, 3000), () => this.#start(name, order));
    const request = { namespace: "sim", name, input: { order }, idempotencyKey: order };
    this.#asking.ask(
      ({ machine, node }) => within(machine.clock, (caller) => node.starts.start(request, caller)),
      (started) => {
        if (started === undefined) return again();
        this.acknowledged.add(started.id);
        this.busy -= 1;
      },
      again,
    );
  }

  /** What there is to hear of an order; its items in order. */
  #script(order: string): JsonObject[] {
    const items = [1, 2, 3].map((n) => this.#event("item", order, { n }));
    for (const kind of ["paid", "shipped"])
      items.splice(this.#random.integer(0, items.length), 0, this.#event(kind, order));
    return items;
  }

  #event(kind: string, order: string, more: JsonObject = {}): JsonObject {
    this.#published += 1;
    const id = `event-${this.#published}`;
    const of = { specversion: "1.0", id, source: "http://sim/shop", type: `com.sim.${kind}` };
    return { ...of, subject: order, data: { order, kind, ...more } };
  }

  /** One after the other: each when the one before is known to be taken. */
  #publishAll([event, ...others]: JsonObject[], done: () => void): void {
    const { loop } = this.#around;
    if (event === undefined) return done();
    this.#publish(event, () => {
      if (this.#random.chance(0.3)) this.#publish(event, () => {});
      loop.at(loop.now + this.#random.between(0, 3000), () => this.#publishAll(others, done));
    });
  }

  #publish(event: JsonObject, done: () => void): void {
    const { loop, met } = this.#around;
    const again = (): void =>
      void loop.at(loop.now + this.#random.between(50, 3000), () => this.#publish(event, done));
    this.#asking.ask(
      ({ node }) => node.ingest.publish([event as never], "default"),
      (answer) => {
        if (answer === undefined) return again();
        if (answer.duplicates > 0) met("an event was published again and known");
        done();
      },
      again,
    );
  }

  #tick(): void {
    const { loop, plan } = this.#around;
    if (loop.now > plan.calmAt) return;
    this.#publish(this.#event("tick", "none"), () => {});
    loop.at(loop.now + this.#random.between(0, 2 * TICK), () => this.#tick());
  }

  /** Events that the clock made too old are published once more, for those who wait still. */
  #again(): void {
    const { loop, database, plan, violation } = this.#around;
    loop.at(loop.now + AGAIN, () => this.#again());
    if (this.#nodes().some(({ machine }) => machine.haltedUntil > loop.now - HEARD)) return;
    const waiting = [...database.instances.values()].filter(
      ({ name, status }) => name.startsWith("hears-") && !isTerminal(status),
    );
    for (const row of waiting) {
      const { id, name } = row;
      const input = database.stateOf(row).input as { readonly order: string };
      const steady = !Number.isFinite(plan.clockJumpEvery);
      if (steady && this.busy === 0 && name !== "hears-pair")
        violation(`${name} ${id} has not heard of ${input.order}`);
      // A pair is of whichever order it heard of first.
      const all = Array.from({ length: plan.orders }, (_, each) => `order-${each}`);
      for (const order of name === "hears-pair" ? all : [input.order])
        this.#publishAll(this.#script(order), () => {});
    }
  }
}
