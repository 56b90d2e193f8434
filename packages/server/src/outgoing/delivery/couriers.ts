/** The couriers of the endpoints whose partitions this node owns: one for each that events leave by. */
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import type { Epoch } from "../../store/store.ts";
import type { Endpoint } from "../endpoint.ts";
import type { OutgoingStore } from "../outgoing-store.ts";
import { Courier } from "./courier.ts";
import type { Sender } from "./sender.ts";

export interface CouriersConfig {
  readonly store: OutgoingStore;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Epoch milliseconds of the database. */
  readonly databaseNow: () => number;
}

export class Couriers {
  readonly #config: CouriersConfig;
  readonly #couriers = new Map<string, Courier>();
  /** Those that have not ended yet: their successors wait, or an event would be under way twice. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(config: CouriersConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#couriers.size;
  }

  /** One for each of these endpoints in a partition owned, under its epoch; none for any other. */
  async sync(endpoints: readonly Endpoint[], owned: readonly Epoch[]): Promise<void> {
    const epochs = new Map(owned.map(({ partition, epoch }) => [partition, epoch]));
    const wanted = new Map(
      endpoints.filter(leaves).flatMap((endpoint) => {
        const epoch = epochs.get(endpoint.partition);
        return epoch === undefined ? [] : [[endpoint.id, { endpoint, epoch }] as const];
      }),
    );
    for (const [id, courier] of this.#couriers)
      if (wanted.get(id)?.epoch !== courier.epoch) this.#end(id, courier, true);
    for (const { endpoint, epoch } of wanted.values()) {
      const courier = this.#couriers.get(endpoint.id);
      if (courier !== undefined) courier.change(endpoint);
      else await this.#begin(endpoint, epoch);
    }
  }

  nudge(endpoints: Iterable<string>): void {
    for (const id of endpoints) this.#couriers.get(id)?.nudge();
  }

  /** Ends what is under way; what arrived is written down. */
  async stop(): Promise<void> {
    for (const [id, courier] of this.#couriers) this.#end(id, courier, false);
    await Promise.all(this.#ending.values());
  }

  #end(id: string, courier: Courier, took: boolean): void {
    this.#couriers.delete(id);
    const ended = courier.stop(took).finally(() => this.#ending.delete(id));
    this.#ending.set(id, ended);
  }

  async #begin(endpoint: Endpoint, epoch: number): Promise<void> {
    if (this.#ending.has(endpoint.id)) return;
    const { store, sender, clock, log, random, databaseNow: now } = this.#config;
    // As the one before left it, which the list of endpoints does not follow.
    const circuit = await store.circuit(endpoint.id);
    if (circuit === undefined) return;
    const { id, partition } = endpoint;
    const after = (ms: number, run: () => void) => clock.after(ms, run);
    const onStale = (): void => {
      const courier = this.#couriers.get(id);
      if (courier?.epoch === epoch) this.#end(id, courier, true);
    };
    const config = { store, sender, log, now, after, random, onStale };
    const courier = new Courier(config, { ...endpoint, circuit }, { partition, epoch });
    this.#couriers.set(id, courier);
    courier.nudge();
  }
}

/** Also one that is turned off or paused: it only sends nothing. */
function leaves({ settings }: Endpoint): boolean {
  return settings.kind === "webhook" || settings.direction === "out";
}
