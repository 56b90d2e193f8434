/**
 * The endpoints as this node knows them: read anew when something changed, which is looked for every second and at once after
 * a change made here.
 */
import type { Endpoint } from "./endpoint.ts";
import { filterOf } from "./endpoint.ts";
import type { OutgoingStore } from "./outgoing-store.ts";
import type { Wanted, Wanting } from "./wanted.ts";

export interface DirectoryConfig {
  readonly store: Pick<OutgoingStore, "endpoints" | "endpointsMark">;
  /** Is told who wants what. */
  readonly wanted: Wanted;
  /** Others that want lifecycle events: the filters of listens. */
  readonly others?: () => Promise<readonly Wanting[]>;
}

export class Directory {
  readonly #config: DirectoryConfig;
  #mark: string | undefined;
  #endpoints: readonly Endpoint[] = [];
  #others = "[]";

  constructor(config: DirectoryConfig) {
    this.#config = config;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** @throws what the store throws; then everything stays as it was */
  async refresh(): Promise<void> {
    const { store, wanted, others } = this.#config;
    const mark = await store.endpointsMark();
    const listens = (await others?.()) ?? [];
    const text = JSON.stringify(listens);
    if (mark === this.#mark && text === this.#others) return;
    this.#endpoints = await store.endpoints();
    wanted.replace([...this.#endpoints.flatMap(wantingOf), ...listens]);
    this.#mark = mark;
    this.#others = text;
  }
}

function wantingOf(endpoint: Endpoint): readonly Wanting[] {
  const filter = filterOf(endpoint);
  return filter === undefined ? [] : [{ tenant: endpoint.tenant, filter }];
}
