/** How clients ask: a node at random, which may die meanwhile. */
import type { EngineNode } from "@millrace/server/ports";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";

/** A node that answers, as a client finds it. */
export interface Reachable {
  readonly machine: Machine;
  readonly node: EngineNode;
  /** What the node takes for the database's time. */
  readonly databaseNow: () => number;
}

/** Milliseconds a client waits for an answer. */
const PATIENCE = 35_000;

export class Asking {
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #nodes: () => readonly Reachable[];

  constructor(around: Surroundings, random: Random, nodes: () => readonly Reachable[]) {
    this.#around = around;
    this.#random = random;
    this.#nodes = nodes;
  }

  /** Calls a node, which may die meanwhile. `answered` gets undefined when nothing was heard. */
  ask<T>(
    question: (to: Reachable) => Promise<T>,
    answered: (answer: T | undefined) => void,
    failed: (error: unknown) => void,
  ): void {
    const { loop } = this.#around;
    const nodes = this.#nodes();
    if (nodes.length === 0) return void loop.at(loop.now + 500, () => answered(undefined));
    const to = this.#random.pick(nodes);
    let over = false;
    const once = (run: () => void): void => {
      if (over) return;
      over = true;
      giveUp();
      run();
    };
    const giveUp = loop.at(loop.now + PATIENCE, () => once(() => answered(undefined)));
    to.machine.enter(loop.now, () => {
      question(to).then(
        (answer) => once(() => answered(answer)),
        (error: unknown) => once(() => failed(error)),
      );
    });
  }
}
