import type { Json, RotatedKeys, Secret, SecretList } from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface SecretFilter {
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/** `/v1/secrets`. Values go in and never come out. Methods reject with a {@link MillraceError}. */
export class Secrets {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sets a secret, or replaces its value: any JSON, up to 64 KiB. */
  set(name: string, value: Json): Promise<Secret> {
    return this.#transport.json({
      method: "PUT",
      path: addressOf(name),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ value }),
    });
  }

  async delete(name: string): Promise<void> {
    await this.#transport.delete(addressOf(name));
  }

  /** Every secret by name, without values. */
  list(filter: SecretFilter = {}): AsyncGenerator<Secret, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: SecretFilter & { readonly cursor?: string } = {}): Promise<SecretList> {
    return this.#transport.json({ method: "GET", path: "/v1/secrets", query: { ...filter } });
  }

  /** Wraps all data keys with the newest master key; with `dataKeys`, also encrypts every secret with a new data key. */
  rotateKeys(options: { readonly dataKeys?: boolean } = {}): Promise<RotatedKeys> {
    return this.#transport.json({
      method: "POST",
      path: "/v1/secret-keys/rotation",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(options),
    });
  }
}

function addressOf(name: string): string {
  return `/v1/secrets/${encodeURIComponent(name)}`;
}
