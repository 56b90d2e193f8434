/** Who wants which events: the endpoints as last read, by tenant, in the form in which they are asked. */
import type { EventFilter } from "@millrace/protocol";
import type { WantedTypes } from "./outbox.ts";
import { matches, NO_TYPES, type TypeSet, typeSet } from "./types.ts";

/** One that wants events: a webhook, a channel, a filter of a listen. */
export interface Wanting {
  readonly tenant: string;
  readonly filter: EventFilter;
}

/** An event and where it comes from, as far as filters look. */
export interface Filtered {
  readonly type: string;
  readonly source: string;
  readonly subject: string | undefined;
  /** `namespace/name` of the workflow whose instance made it. */
  readonly workflow: string | undefined;
}

export function passes(filter: EventFilter, event: Filtered): boolean {
  return (
    anyOf(filter.types, event.type) &&
    (filter.sources === undefined || anyOf(filter.sources, event.source)) &&
    (filter.workflows === undefined || anyOf(filter.workflows, event.workflow)) &&
    (filter.subjects === undefined || anyOf(filter.subjects, event.subject))
  );
}

function anyOf(patterns: readonly string[], value: string | undefined): boolean {
  return value !== undefined && patterns.some((pattern) => matches(pattern, value));
}

/** Replaced as a whole when endpoints change; asked for every decision, so the answer for nobody costs one comparison. */
export class Wanted implements WantedTypes {
  #byTenant: ReadonlyMap<string, readonly EventFilter[]> = new Map();
  /** By tenant and workflow, as far as asked since the last change. */
  readonly #known = new Map<string, TypeSet>();

  replace(all: Iterable<Wanting>): void {
    const byTenant = new Map<string, EventFilter[]>();
    for (const { tenant, filter } of all) {
      if (typeSet(filter.types) === NO_TYPES) continue;
      const filters = byTenant.get(tenant);
      if (filters === undefined) byTenant.set(tenant, [filter]);
      else filters.push(filter);
    }
    this.#byTenant = byTenant;
    this.#known.clear();
  }

  of(workflow: {
    readonly tenant: string;
    readonly namespace: string;
    readonly name: string;
  }): TypeSet {
    if (this.#byTenant.size === 0) return NO_TYPES;
    const { tenant, namespace, name } = workflow;
    const filters = this.#byTenant.get(tenant);
    if (filters === undefined) return NO_TYPES;
    const key = `${tenant}/${namespace}/${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const types = typesFor(filters, `${namespace}/${name}`);
    this.#known.set(key, types);
    return types;
  }
}

function typesFor(filters: readonly EventFilter[], workflow: string): TypeSet {
  let types = NO_TYPES;
  for (const { types: patterns, workflows } of filters)
    if (workflows === undefined || anyOf(workflows, workflow)) types |= typeSet(patterns);
  return types;
}
