/** The filters that an event may pass, compiled, and the buckets it falls into. */
import { compileEventFilter, type JsonObject, type SharedEventFilter } from "@millrace/language";
import type { EventStore, FilterName } from "../store/events.ts";
import { bucketOf } from "./buckets.ts";

/** Compiled filters that are kept: one more forgets the one not used for longest. */
const MOST = 10_000;

/** What the buckets of an event are found by. */
export interface Classified {
  readonly tenant: string;
  readonly type: string;
  readonly source: string;
  readonly event: JsonObject;
}

export interface FiltersConfig {
  readonly store: Pick<EventStore, "filters" | "filterDefinitions">;
  /** Milliseconds, for the time an expression may take. */
  readonly monotonic: () => number;
  readonly databaseNow: () => number;
}

export class Filters {
  readonly #config: FiltersConfig;
  /** By tenant and filter; the one used last is last. A filter never changes under its name. */
  readonly #compiled = new Map<string, SharedEventFilter>();

  constructor(config: FiltersConfig) {
    this.#config = config;
  }

  /**
   * The buckets of each event, in the order given. The names of the filters are read for each batch, so an event sees every
   * workflow that was applied before it came.
   */
  async classify(events: readonly Classified[]): Promise<readonly (readonly string[])[]> {
    const { store, monotonic, databaseNow } = this.#config;
    const each = (pick: (event: Classified) => string): string[] => [...new Set(events.map(pick))];
    const names = await store.filters(
      each((event) => event.tenant),
      each((event) => event.type),
      each((event) => event.source),
    );
    if (names.length === 0) return events.map(() => []);
    const compiled = await this.#load(names);
    const byType = Map.groupBy(names, ({ tenant, type }) => keyOf(tenant, type));
    const context = { now: databaseNow(), monotonic };
    return events.map(({ tenant, type, source, event }) => {
      const found = new Set<string>();
      for (const key of [keyOf(tenant, type), keyOf(tenant, undefined)])
        for (const name of byType.get(key) ?? []) {
          if (name.source !== undefined && name.source !== source) continue;
          const filter = compiled.get(name);
          if (filter?.passes(event, context) !== true) continue;
          const keys = filter.keys(event, context);
          // An event that does not say what it correlates with correlates with nothing.
          if (keys === undefined) continue;
          found.add(bucketOf(tenant, name.filter)).add(bucketOf(tenant, name.filter, keys));
        }
      return [...found];
    });
  }

  async #load(
    names: readonly FilterName[],
  ): Promise<ReadonlyMap<FilterName, SharedEventFilter | undefined>> {
    const missing = names.filter((name) => !this.#compiled.has(idOf(name)));
    const rows = missing.length === 0 ? [] : await this.#config.store.filterDefinitions(missing);
    for (const row of rows) {
      const filter = compileEventFilter(JSON.parse(row.definition) as JsonObject);
      this.#compiled.set(idOf(row), filter);
    }
    const found = new Map(names.map((name) => [name, this.#use(idOf(name))]));
    for (const id of this.#compiled.keys()) {
      if (this.#compiled.size <= MOST) break;
      this.#compiled.delete(id);
    }
    return found;
  }

  #use(id: string): SharedEventFilter | undefined {
    const filter = this.#compiled.get(id);
    if (filter === undefined || this.#compiled.size < MOST) return filter;
    this.#compiled.delete(id);
    this.#compiled.set(id, filter);
    return filter;
  }
}

function idOf({ tenant, filter }: FilterName): string {
  return `${tenant}/${filter}`;
}
function keyOf(tenant: string, type: string | undefined): string {
  return `${tenant}\n${type ?? ""}`;
}
