/**
 * What an endpoint keeps in confidence: secrets of signatures, values of header fields, credentials of brokers. Sealed in the vault
 * under a tenant's name that no tenant has, so that no workflow can name them and no list of secrets shows them.
 */
import type { Json } from "@millrace/language";
import { isObject } from "@millrace/language";
import type { Vault } from "../secrets/vault.ts";
import type { Endpoint } from "./endpoint.ts";

export interface SealedWebhook {
  /** The newest first; `until` (epoch milliseconds) ends what was replaced. */
  readonly secrets: readonly { readonly secret: string; readonly until?: number }[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface SealedChannel {
  readonly credentials: {
    readonly username?: string;
    readonly password?: string;
    readonly token?: string;
  };
}

type Named = Pick<Endpoint, "tenant" | "id">;

export class Sealed {
  readonly #vault: Vault;
  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** @throws {ActivityFailure} when it cannot be opened */
  async webhook(endpoint: Named): Promise<SealedWebhook> {
    const value = await this.#get(endpoint);
    if (value === undefined) throw new Error("the webhook's secret is gone");
    return value as unknown as SealedWebhook;
  }

  /** @throws {ActivityFailure} when it cannot be opened */
  async channel(endpoint: Named): Promise<SealedChannel> {
    const value = await this.#get(endpoint);
    return isObject(value ?? null) ? (value as unknown as SealedChannel) : { credentials: {} };
  }

  /** @throws {VaultError} */
  async set(endpoint: Named, value: SealedWebhook | SealedChannel): Promise<void> {
    await this.#vault.set(keeperOf(endpoint), endpoint.id, value as unknown as Json);
  }

  async delete(endpoint: Named): Promise<void> {
    await this.#vault.delete(keeperOf(endpoint), endpoint.id);
  }

  #get(endpoint: Named): Promise<Json | undefined> {
    return this.#vault.get(keeperOf(endpoint), endpoint.id);
  }
}

function keeperOf({ tenant }: Named): string {
  return `endpoints/${tenant}`;
}
