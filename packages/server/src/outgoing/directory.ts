/**
 * The endpoints as this node knows them: read anew when something changed, which is looked for every second and at once after
 * a change made here.
 */
import type { Endpoint } from "./endpoint.ts";
import { filterOf } from "./endpoint.ts";
import type { OutgoingStore } from "./outgoing-store.ts";
import type { Wanted, Wanting } from "./wanted.ts";

export interface DirectoryConfig {
  readonly store: Pick<OutgoingStore, "endpoints" | "endpointsMark" | "listenedTypes">;
  /** Is told who wants what. */
  readonly wanted: Wanted;
}

export class Directory {
  readonly #config: DirectoryConfig;
  #mark: string | undefined;
  #endpoints: readonly Endpoint[] = [];
  #listened: ReadonlySet<string> = new Set();
  #listens = "";

  constructor(config: DirectoryConfig) {
    this.#config = config;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  get anyListens(): boolean {
    return this.#listened.size > 0;
  }

  /** True when a listen names this type. One that takes any event gets no lifecycle events: they would be its own, too. */
  listens(tenant: string, type: string): boolean {
    return this.#listened.has(`${tenant} ${type}`);
  }

  /** @throws what the store throws; then everything stays as it was */
  async refresh(): Promise<void> {
    const { store, wanted } = this.#config;
    const mark = await store.endpointsMark();
    const types = await store.listenedTypes();
    const listens = JSON.stringify(types);
    if (mark === this.#mark && listens === this.#listens) return;
    this.#endpoints = await store.endpoints();
    const listening = types.map(({ tenant, type }) => ({ tenant, filter: { types: [type] } }));
    wanted.replace([...this.#endpoints.flatMap(wantingOf), ...listening]);
    this.#listened = new Set(types.map(({ tenant, type }) => `${tenant} ${type}`));
    this.#mark = mark;
    this.#listens = listens;
  }
}

function wantingOf(endpoint: Endpoint): readonly Wanting[] {
  const filter = filterOf(endpoint);
  return filter === undefined ? [] : [{ tenant: endpoint.tenant, filter }];
}
