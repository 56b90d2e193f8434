/**
 * Receives events from a channel of a broker, on the node that owns its partition. A message is acknowledged when its events are
 * durable; one that cannot be read is kept as a dead letter and acknowledged, so that it holds up no other. When the subscription
 * breaks, or events cannot be stored, it is opened again after a pause that grows, and what was not acknowledged comes again.
 */
import type { JsonObject } from "@millrace/language";
import { ProblemError } from "@millrace/protocol";
import { failureAt, type IncomingMessage } from "../../activities/asyncapi/protocol.ts";
import type { SharedServices } from "../../activities/tenants.ts";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import { type Epoch, StoreError } from "../../store/store.ts";
import { CLOSED, type ChannelSettings, type Circuit, type Endpoint } from "../endpoint.ts";
import type { OutgoingStore } from "../outgoing-store.ts";
import type { Sealed } from "../sealed.ts";
import { eventsOf, unreadable } from "./incoming.ts";
import { placeOf, targetOf } from "./place.ts";
import { contextOf } from "./sender.ts";

export interface ReceiverConfig {
  readonly store: Pick<OutgoingStore, "settle" | "bury">;
  readonly services: Pick<SharedServices, "use">;
  readonly sealed: Pick<Sealed, "channel">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
  readonly ingest: (events: readonly JsonObject[], tenant: string) => Promise<unknown>;
}

export type InChannel = Endpoint & { readonly settings: ChannelSettings };

export class Receiver {
  readonly #config: ReceiverConfig;
  readonly #endpoint: InChannel;
  readonly #epoch: Epoch;
  readonly #ending = new AbortController();
  #circuit: Circuit;
  #running: Promise<void> = Promise.resolve();

  constructor(config: ReceiverConfig, endpoint: InChannel, epoch: Epoch) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#epoch = epoch;
    this.#circuit = endpoint.circuit;
  }

  get epoch(): number {
    return this.#epoch.epoch;
  }
  get version(): number {
    return this.#endpoint.version;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when it is disconnected. */
  async stop(): Promise<void> {
    this.#ending.abort(new Error("the channel is no longer served here"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#receive(signal);
        if (!signal.aborted) await this.#failed(new Error("the broker ended the subscription"));
      } catch (error) {
        if (!signal.aborted) await this.#failed(error);
      }
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    const { services, sealed, clock } = this.#config;
    const { settings, tenant } = this.#endpoint;
    const place = placeOf(settings.broker);
    if (typeof place === "string") throw new Error(`broker: ${place}`);
    const target = targetOf(place, settings, await sealed.channel(this.#endpoint));
    const protocol = await place.entry.load();
    await services.use(tenant, async (own) => {
      const context = contextOf(own, clock, this.#endpoint, signal);
      try {
        for await (const message of protocol.subscribe(target, context)) await this.#take(message);
      } catch (error) {
        throw failureAt(target, error, signal);
      }
    });
  }

  async #take(message: IncomingMessage): Promise<void> {
    const { store, ingest, now } = this.#config;
    const { settings, tenant, name, id } = this.#endpoint;
    let events: readonly JsonObject[];
    try {
      events = eventsOf(message, settings, name);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const event = JSON.stringify(unreadable(message, name, now()));
      await store.bury(id, this.#epoch, event, error.message);
      return message.ack();
    }
    await ingest(events, tenant);
    await message.ack();
    if (this.#circuit.failures > 0) await this.#stand(CLOSED);
  }

  async #failed(error: unknown): Promise<void> {
    const { clock, log, random, now } = this.#config;
    const { minDelay, maxDelay } = this.#endpoint.settings.retry;
    const { failures: before, failingSince = now() } = this.#circuit;
    const failures = before + 1;
    const longest = Math.min(maxDelay, minDelay * 2 ** Math.min(before, 40));
    const pause = Math.ceil(Math.max(minDelay / 10, longest * random()));
    const lastError = (error instanceof Error ? error.message : String(error)).slice(0, 1_000);
    log.warn({ err: error, channel: this.#endpoint.name }, "a channel does not bring events");
    await this.#stand({ failures, failingSince, lastError, openUntil: now() + pause });
    const { signal } = this.#ending;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(pause, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
      if (signal.aborted) resolve();
    });
  }

  /** How it stands, for users to see; another owner's epoch ends it. */
  async #stand(circuit: Circuit): Promise<void> {
    this.#circuit = circuit;
    const nothing = { delivered: [], retried: [], dead: [] };
    try {
      await this.#config.store.settle(this.#endpoint.id, this.#epoch, { ...nothing, circuit });
    } catch (error) {
      if (error instanceof StoreError && error.kind === "stale-epoch") this.#ending.abort(error);
      else this.#config.log.warn({ err: error }, "how a channel stands could not be written");
    }
  }
}

/** The receivers of the channels whose partitions this node owns. */
export class Receivers {
  readonly #config: ReceiverConfig;
  readonly #receivers = new Map<string, Receiver>();

  constructor(config: ReceiverConfig) {
    this.#config = config;
  }

  /** One for each channel in of a partition owned, under its epoch and settings; none for any other. */
  async sync(endpoints: readonly Endpoint[], owned: readonly Epoch[]): Promise<void> {
    const epochs = new Map(owned.map((epoch) => [epoch.partition, epoch]));
    const wanted = new Map(endpoints.filter(receives).map((endpoint) => [endpoint.id, endpoint]));
    for (const [id, receiver] of this.#receivers) {
      const endpoint = wanted.get(id);
      const epoch = endpoint && epochs.get(endpoint.partition);
      if (endpoint?.version === receiver.version && epoch?.epoch === receiver.epoch) continue;
      this.#receivers.delete(id);
      await receiver.stop();
    }
    for (const [id, endpoint] of wanted) {
      const epoch = epochs.get(endpoint.partition);
      if (epoch === undefined || this.#receivers.has(id)) continue;
      const receiver = new Receiver(this.#config, endpoint, epoch);
      this.#receivers.set(id, receiver);
      receiver.start();
    }
  }

  async stop(): Promise<void> {
    const all = [...this.#receivers.values()];
    this.#receivers.clear();
    await Promise.all(all.map((receiver) => receiver.stop()));
  }
}

function receives(endpoint: Endpoint): endpoint is InChannel {
  const { settings, disabled } = endpoint;
  if (settings.kind !== "channel" || settings.direction !== "in") return false;
  return disabled === undefined && !settings.paused;
}
