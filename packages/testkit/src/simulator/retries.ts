/**
 * Somebody who retries faulted instances, now and then from two nodes at once, and asks again until it is known what came of
 * it. One retry is carried out once, whatever becomes of its answer.
 */
import { partitionOf } from "@millrace/protocol";
import { type Outcome, within } from "@millrace/server/ports";
import type { Reachable } from "./asking.ts";
import type { Clients } from "./clients.ts";
import type { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";

/** Of one instance: each fails again, as a rule. */
const MOST = 2;
/** Milliseconds between two looks at most. */
const PAUSE = 6_000;

export class Retries {
  /** How many were asked for, by instance. */
  readonly #asked = new Map<string, number>();
  /** And how many of them were not refused: what is refused has not been carried out, and never will be. */
  readonly possible = new Map<string, number>();
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #clients: Clients;

  constructor(around: Surroundings, random: Random, clients: Clients) {
    this.#around = around;
    this.#random = random;
    this.#clients = clients;
  }

  begin(): void {
    const { plan, loop } = this.#around;
    if (!plan.retries) return;
    const look = (): void => {
      if (loop.now > plan.calmAt) return;
      this.#retryOne();
      loop.at(loop.now + this.#random.between(100, PAUSE), look);
    };
    loop.at(this.#random.between(0, PAUSE), look);
  }

  #retryOne(): void {
    const faulted = [...this.#around.database.instances.values()].filter(
      ({ id, status }) => status === "faulted" && (this.#asked.get(id) ?? 0) < MOST,
    );
    if (faulted.length === 0) return;
    const { id } = this.#random.pick(faulted);
    const times = this.#random.chance(0.3) ? 2 : 1;
    for (let each = 0; each < times; each += 1) this.#retry(id);
  }

  #retry(id: string): void {
    const number = (this.#asked.get(id) ?? 0) + 1;
    this.#asked.set(id, number);
    this.#possible(id, 1);
    this.#clients.busy += 1;
    this.#ask(id, `${id} ${number}`);
  }

  #possible(id: string, more: 1 | -1): void {
    this.possible.set(id, (this.possible.get(id) ?? 0) + more);
  }

  #ask(id: string, retryId: string): void {
    const { loop, met, violation, database } = this.#around;
    const again = (): void =>
      void loop.at(loop.now + this.#random.between(50, 3000), () => this.#ask(id, retryId));
    this.#clients.asking.ask(
      (to) => submitted(to, id, retryId),
      (outcome) => {
        if (outcome === undefined) return again();
        this.#clients.busy -= 1;
        const facts = database.history.get(id) ?? [];
        const there = facts.some(({ kind }) => kind === "workflow.retried");
        if (outcome.kind === "missing") violation(`a retry of ${id} found no instance`);
        if (outcome.refusal !== undefined) {
          this.#possible(id, -1);
          return met("a retry was refused");
        }
        if (!there) violation(`a retry of ${id} is lost`);
        if (outcome.kind === "applied") met("a faulted instance was retried");
        else met("a retry was asked for again, and had been carried out");
      },
      again,
    );
  }
}

function submitted({ machine, node }: Reachable, id: string, retryId: string): Promise<Outcome> {
  const entry = {
    instanceId: id,
    partition: partitionOf(id),
    command: { kind: "retry", retryId } as const,
  };
  return within(
    machine.clock,
    (caller) =>
      new Promise<Outcome>((done, fail) => node.owner.submit({ ...entry, caller, done, fail })),
  );
}
