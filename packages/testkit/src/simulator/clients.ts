/**
 * Clients: each starts one instance, again and again until it hears that it is durable, perhaps from two nodes at once,
 * and perhaps cancels, suspends and resumes it.
 */
import type { Json } from "@millrace/language";
import { partitionOf } from "@millrace/protocol";
import { type Outcome, RuntimeError, within } from "@millrace/server/ports";
import { Asking, type Reachable } from "./asking.ts";
import type { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";
import { STARTED, type SimulatedWorkflow } from "./workflows.ts";

/** Milliseconds between two looks at what is still suspended, once nothing goes wrong any more. */
const TIDY = 20_000;

interface Wish {
  readonly name: string;
  readonly input: Json;
  /** 0 … 4. */
  readonly priority: number;
  readonly key?: string;
}

export class Clients {
  /** Acknowledged starts, and the key each was asked for under. */
  readonly acknowledged = new Map<string, string | undefined>();
  readonly cancelled = new Set<string>();
  /** Clients that have still something to do. */
  busy = 0;
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly asking: Asking;
  readonly #idOf = new Map<string, string>();
  readonly #tidying = new Set<string>();

  constructor(around: Surroundings, random: Random, nodes: () => readonly Reachable[]) {
    this.#around = around;
    this.#random = random;
    this.asking = new Asking(around, random, nodes);
  }

  begin(): void {
    const { plan, loop } = this.#around;
    // A few workflows for each seed: what is compiled is used more than once.
    const workflows = [0, 1, 2, 3].map(() => this.#random.pick(STARTED));
    for (let each = 0; each < plan.clients; each += 1) {
      const workflow = this.#random.pick(workflows);
      this.busy += 1;
      loop.at(this.#random.between(0, plan.calmAt * 0.8), () => this.#live(workflow, each));
    }
    loop.at(plan.calmAt + TIDY, () => this.#tidyUp());
  }

  /** A signal that was given up for lost may be carried out after the one that was to undo it: somebody looks after that. */
  #tidyUp(): void {
    const { loop, database } = this.#around;
    for (const { id, status } of database.instances.values())
      if (status === "suspended" && !this.#tidying.has(id)) {
        this.#tidying.add(id);
        this.#signal(id, "resume", () => this.#tidying.delete(id));
      }
    loop.at(loop.now + TIDY, () => this.#tidyUp());
  }

  #live(workflow: SimulatedWorkflow, number: number): void {
    const { plan, loop } = this.#around;
    const random = this.#random;
    const key = random.chance(plan.keyed) ? `key-${number}` : undefined;
    const keyed = key === undefined ? {} : { key };
    const wish: Wish = {
      name: workflow.name,
      input: { ...workflow.input(random), ...keyed },
      priority: random.integer(0, 4),
      ...keyed,
    };
    const asked = key !== undefined && random.chance(plan.twice) ? 2 : 1;
    let waiting = asked;
    const acknowledged = (id: string | undefined): void => {
      waiting -= 1;
      if (waiting > 0) return;
      if (asked === 2) this.#around.met("a start was answered after its node had been asked twice");
      if (id === undefined) this.busy -= 1;
      else this.#afterStart(wish, id);
    };
    for (let each = 0; each < asked; each += 1)
      loop.at(loop.now + random.between(0, 50) * each, () => this.#start(wish, acknowledged));
  }

  /** Asks until there is an answer; a client without a key dares it only once. */
  #start(wish: Wish, done: (id: string | undefined) => void): void {
    const { met, violation, loop, database } = this.#around;
    const again = (): void => {
      if (wish.key !== undefined)
        return void loop.at(loop.now + this.#random.between(50, 3000), () =>
          this.#start(wish, done),
        );
      met("a start without a key was lost");
      done(undefined);
    };
    this.asking.ask(
      (to) => started(to, wish),
      (started) => {
        if (started === undefined) return again();
        const { id, created } = started;
        if (!database.instances.has(id))
          violation(`start of ${id} was acknowledged before its commit`);
        if (!created) met("a start was answered again with the same id");
        const name = wish.key;
        const other = name === undefined ? undefined : this.#idOf.get(name);
        if (other !== undefined && other !== id)
          violation(`the key ${name} started ${other} and ${id}`);
        if (name !== undefined) this.#idOf.set(name, id);
        this.acknowledged.set(id, name);
        done(id);
      },
      again,
    );
  }

  #afterStart(wish: Wish, id: string): void {
    const { plan, loop } = this.#around;
    const random = this.#random;
    const signals = random.chance(plan.signalled);
    const kind = random.pick(["cancel", "suspend", "suspend"] as const);
    const at = loop.now + random.between(0, 8000);
    const reuse = wish.key !== undefined && random.chance(0.2);
    if (reuse) loop.at(at, () => this.#reuse(wish));
    if (!signals) {
      this.busy -= 1;
      return;
    }
    loop.at(at, () =>
      this.#signal(id, kind, () => {
        if (kind === "cancel") return void (this.busy -= 1);
        loop.at(loop.now + random.between(0, 10_000), () =>
          this.#signal(id, "resume", () => (this.busy -= 1)),
        );
      }),
    );
  }

  /** The same key with another request has to be refused. */
  #reuse(wish: Wish): void {
    const { met, violation } = this.#around;
    this.asking.ask(
      (to) => started(to, { ...wish, input: { other: true } }),
      (started) => {
        if (started !== undefined) violation(`the key ${wish.key} was taken for another request`);
      },
      (error) => {
        if (error instanceof RuntimeError && error.kind === "key-reuse")
          met("a start with the key of another request was refused");
      },
    );
  }

  /** Until it is known to be applied, or to have come too late. */
  #signal(id: string, kind: "cancel" | "suspend" | "resume", done: () => void): void {
    const { loop, met, violation, database } = this.#around;
    if (kind === "cancel") this.cancelled.add(id);
    const again = (): void =>
      void loop.at(loop.now + this.#random.between(50, 3000), () => this.#signal(id, kind, done));
    this.asking.ask(
      (to) => submitted(to, id, kind),
      (outcome) => {
        if (outcome === undefined) return again();
        const facts = database.history.get(id) ?? [];
        const fact = { cancel: "cancelled", suspend: "suspended", resume: "resumed" }[kind];
        const there = facts.some((each) => each.kind === `workflow.${fact}`);
        if (outcome.kind === "missing") violation(`${kind} of ${id} found no instance`);
        if (outcome.kind === "applied" && !there) violation(`${kind} of ${id} is lost`);
        if (outcome.kind === "ignored" && !there) met("a signal came too late");
        if (kind === "resume" && outcome.kind === "applied")
          met("an instance was suspended and resumed");
        if (kind === "cancel" && outcome.kind === "applied") met("an instance was cancelled");
        done();
      },
      again,
    );
  }
}

function startOf({ name, input, priority, key }: Wish) {
  const more = key === undefined ? {} : { idempotencyKey: key };
  return { namespace: "sim", name, input, priority, ...more };
}

/** As the runtime answers its callers. */
function started({ machine, node }: Reachable, wish: Wish) {
  return within(machine.clock, (caller) => node.starts.start(startOf(wish), caller));
}

function submitted(
  { machine, node }: Reachable,
  id: string,
  kind: "cancel" | "suspend" | "resume",
) {
  const entry = { instanceId: id, partition: partitionOf(id), command: { kind } };
  return within(
    machine.clock,
    (caller) =>
      new Promise<Outcome>((done, fail) => node.owner.submit({ ...entry, caller, done, fail })),
  );
}
