/**
 * What has to hold of payloads: at every instant, whatever a row mentions is referred to and is there; and in the end, nothing is
 * there that nobody needs.
 */
import type { Batch } from "@millrace/server/ports";
import { keyOf, mentionsIn, type SweepWatch } from "./payload-sweeps.ts";
import type { StoredPayload, StoredRef } from "./payload-tables.ts";
import type { Surroundings } from "./surroundings.ts";

export class PayloadChecks implements SweepWatch {
  readonly #around: () => Surroundings;
  /** Payloads that were swept, and may come again. */
  readonly #swept = new Set<string>();

  constructor(around: () => Surroundings) {
    this.#around = around;
  }

  /** What a batch takes out of the inbox has come with its references. */
  committing({ consumed, payloadRefs }: Batch): void {
    const { database, met } = this.#around();
    for (const { id } of consumed) {
      const row = database.inbox.get(id);
      if (row !== undefined) this.#referred(row.instanceId, row.command);
    }
    for (const { holder, digest } of payloadRefs)
      if (database.payloads.refs.has(`${holder} ${digest}`)) met("a value was referred to again");
    for (const ref of payloadRefs)
      if (this.#swept.has(keyOf(ref))) met("a value was stored again after it was swept");
  }

  committed(batch: Batch): void {
    for (const { id, state, activities = "" } of [...batch.created, ...batch.updated]) {
      this.#referred(id, state);
      this.#referred(id, activities);
    }
    for (const { instanceId, events } of batch.history)
      for (const event of events)
        if ("$refs" in event) this.#referred(instanceId, JSON.stringify(event));
    for (const { instanceId, request } of batch.activities) this.#referred(instanceId, request);
    for (const { instanceId, command } of batch.sent) this.#referred(instanceId, command);
    for (const { id, state } of batch.schedules) this.#referred(id, state);
    for (const { id, event } of batch.events) this.#referred(id, event);
  }

  #referred(holder: string, text: string): void {
    const { database, violation } = this.#around();
    const { refs, stored } = database.payloads;
    for (const digest of mentionsIn(text)) {
      const ref = refs.get(`${holder} ${digest}`);
      if (ref === undefined) violation(`${holder} mentions ${digest}, and does not refer to it`);
      else if (!stored.has(keyOf(ref)))
        violation(`${holder} refers to ${digest}, which is not there`);
    }
  }

  swept(rows: readonly StoredPayload[]): void {
    const { database, violation, met, trace } = this.#around();
    const referred = new Set([...database.payloads.refs.values()].map(keyOf));
    for (const row of rows) {
      trace(`db: ${row.digest.slice(0, 6)} is swept`);
      this.#swept.add(keyOf(row));
      if (referred.has(keyOf(row))) violation(`${row.digest} was swept, and is referred to`);
    }
    if (rows.length > 0) met("a value was swept");
  }

  dropped(refs: readonly StoredRef[]): void {
    const { database, violation, met } = this.#around();
    for (const { holder, digest, kind } of refs) {
      if (kind === "event") {
        if (database.hasEvent(holder)) violation(`event ${holder} lost its ${digest}`);
        continue;
      }
      met("a reference that stood for nothing was dropped");
      for (const text of database.textsOf(holder))
        if (mentionsIn(text).has(digest))
          violation(`${holder} mentions ${digest}, and its reference was dropped`);
    }
  }

  final(): void {
    const { database, violation } = this.#around();
    const { refs, stored } = database.payloads;
    for (const { holder, digest, kind } of refs.values()) {
      const texts = kind === "event" ? [] : [...database.textsOf(holder)];
      const needed =
        kind === "event"
          ? database.hasEvent(holder)
          : texts.some((text) => mentionsIn(text).has(digest));
      if (!needed) violation(`${holder} refers to ${digest} in the end, and has no need of it`);
      for (const text of texts) this.#referred(holder, text);
    }
    const referred = new Set([...refs.values()].map(keyOf));
    for (const key of stored.keys())
      if (!referred.has(key)) violation(`${key} is stored in the end, and nobody needs it`);
  }
}
