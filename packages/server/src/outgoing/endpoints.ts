/** Webhooks and channels as the API manages them: settings in the database, what is confidential in the vault. */
import { type Issue, newId, ProblemError } from "@millrace/protocol";
import { placement } from "../cluster/placement.ts";
import type { Endpoint, EndpointKind, EndpointSettings } from "./endpoint.ts";
import type { DeliveryRow, EndpointName, EndpointStore } from "./endpoint-store.ts";
import type { Sealed, SealedChannel, SealedWebhook } from "./sealed.ts";

export interface EndpointsConfig {
  readonly store: EndpointStore;
  readonly sealed: Sealed;
  readonly partitions: number;
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
  readonly randomBytes: () => Uint8Array;
  /** Called when endpoints were changed here; resolves when this node goes by it. */
  readonly changed: () => Promise<void>;
  /** Called when events were queued for an endpoint. */
  readonly queued: (endpoint: string) => void;
}

/** What a change makes of an endpoint. */
export interface Changed<S extends EndpointSettings> {
  readonly settings: S;
  /** In place of what was sealed; absent when that stays. */
  readonly sealed?: SealedWebhook | SealedChannel;
  /** Turn it on again. */
  readonly enable?: boolean;
}

/** Others may change the same endpoint at the same time; each attempt meets what they left. */
const ATTEMPTS = 10;

export class Endpoints {
  readonly #config: EndpointsConfig;

  constructor(config: EndpointsConfig) {
    this.#config = config;
  }

  get sealed(): Sealed {
    return this.#config.sealed;
  }
  now(): number {
    return this.#config.now();
  }

  /** @throws {ProblemError} `webhook-conflict`, `channel-conflict` @throws {VaultError} */
  async create(
    name: EndpointName,
    settings: EndpointSettings,
    confidential: SealedWebhook | SealedChannel | undefined,
  ): Promise<Endpoint> {
    const { store, sealed, partitions, now, randomBytes, changed } = this.#config;
    const partition = placement(partitions, JSON.stringify([name.tenant, name.kind, name.name]));
    const id = newId(partition, now(), randomBytes());
    // The secret first: nothing is sent without it.
    if (confidential !== undefined) await sealed.set({ tenant: name.tenant, id }, confidential);
    if (!(await store.insert({ id, partition, name, settings }))) {
      await sealed.delete({ tenant: name.tenant, id });
      throw new ProblemError(`${name.kind}-conflict`, {
        detail: `there is a ${name.kind} ${name.name} already`,
      });
    }
    await changed();
    return this.get(name);
  }

  /** @throws {ProblemError} `webhook-not-found`, `channel-not-found` */
  async get(name: EndpointName): Promise<Endpoint> {
    const endpoint = await this.#config.store.get(name);
    if (endpoint === undefined) throw notFound(name);
    return endpoint;
  }

  list(tenant: string, kind: EndpointKind, after: string, limit: number) {
    return this.#config.store.list({ tenant, kind }, after, limit);
  }

  /** @throws {ProblemError} as {@link get}, and what `change` throws @throws {VaultError} */
  async update<S extends EndpointSettings>(
    name: EndpointName,
    change: (endpoint: Endpoint) => Promise<Changed<S>>,
  ): Promise<Endpoint> {
    const { store, sealed, changed } = this.#config;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const endpoint = await this.get(name);
      const made = await change(endpoint);
      if (made.sealed !== undefined) await sealed.set(endpoint, made.sealed);
      if (!(await store.update(endpoint, made.settings, made.enable === true))) continue;
      await changed();
      return this.get(name);
    }
    throw new ProblemError("unavailable", {
      detail: `the ${name.kind} is being changed by others; try again`,
      retryAfter: 1,
    });
  }

  /** @throws {ProblemError} as {@link get} */
  async delete(name: EndpointName): Promise<void> {
    const { store, sealed, changed } = this.#config;
    const endpoint = await this.get(name);
    if (!(await store.delete(endpoint.id))) throw notFound(name);
    await sealed.delete(endpoint);
    await changed();
  }

  /** @throws {ProblemError} as {@link get} */
  async deliveries(
    name: EndpointName,
    state: DeliveryRow["state"],
    after: number,
    limit: number,
  ): Promise<readonly DeliveryRow[]> {
    const { id } = await this.get(name);
    return this.#config.store.deliveries(id, state, after, limit);
  }

  /** @throws {ProblemError} as {@link get} */
  async replay(name: EndpointName, ids: readonly string[] | undefined): Promise<number> {
    const { store, queued } = this.#config;
    const { id, settings } = await this.get(name);
    if (settings.kind === "channel" && settings.direction === "in")
      refuse("channel", [
        {
          path: "",
          message: "what a channel in could not read is kept to be looked at, not replayed",
        },
      ]);
    const replayed = await store.replay(id, ids?.map(letterId));
    queued(id);
    return replayed;
  }
}

/** An id that no letter can have names none. */
function letterId(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

function notFound({ kind, name }: EndpointName): ProblemError {
  return new ProblemError(`${kind}-not-found`, { detail: `there is no ${kind} ${name}` });
}

/** @throws {ProblemError} `webhook-invalid`, `channel-invalid` unless there is nothing to say */
export function refuse(kind: EndpointKind, issues: readonly Issue[]): void {
  const [first] = issues;
  if (first === undefined) return;
  const detail = first.path === "" ? first.message : `${first.path}: ${first.message}`;
  throw new ProblemError(`${kind}-invalid`, { detail, issues });
}
