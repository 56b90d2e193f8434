import type { CatalogFunction, FunctionList, FunctionSummary } from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface FunctionRef {
  readonly name: string;
  readonly version: string;
}

/** `/v1/functions`: the default catalog. Methods reject with a {@link MillraceError}. */
export class Functions {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Stores or replaces a function, given as YAML or JSON. Workflows call it as `name:version@default`. */
  put(ref: FunctionRef, text: string): Promise<CatalogFunction> {
    return this.#transport.json({
      method: "PUT",
      path: addressOf(ref),
      headers: { "content-type": "application/yaml" },
      body: text,
    });
  }

  get(ref: FunctionRef): Promise<CatalogFunction> {
    return this.#transport.json({ method: "GET", path: addressOf(ref) });
  }

  /** Deletes a function that was stored with {@link put}. */
  async delete(ref: FunctionRef): Promise<void> {
    await this.#transport.delete(addressOf(ref));
  }

  /** Every function, by name and version. */
  list(): AsyncGenerator<FunctionSummary, void, undefined> {
    return everyRow((cursor) => this.listPage(cursor === undefined ? {} : { cursor }));
  }

  listPage(
    page: { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<FunctionList> {
    return this.#transport.json({ method: "GET", path: "/v1/functions", query: { ...page } });
  }
}

function addressOf({ name, version }: FunctionRef): string {
  return `/v1/functions/${encodeURIComponent(name)}/${encodeURIComponent(version)}`;
}
