/** What the owner's loop leaves in the outbox: lifecycle events, and only those that somebody wants. */
import type { HistoryEvent, State } from "@millrace/engine";
import type { BatchBuilder } from "../owner/builder.ts";
import type { Hot } from "../owner/slots.ts";
import { lifecycleEvents } from "./lifecycle.ts";
import type { TypeSet } from "./types.ts";

/** Who wants what, as known in memory; asked for each decision. */
export interface WantedTypes {
  /** Lifecycle types that somebody wants of this workflow. */
  of(workflow: {
    readonly tenant: string;
    readonly namespace: string;
    readonly name: string;
  }): TypeSet;
}

export function leaveLifecycle(
  wanted: WantedTypes,
  facts: readonly HistoryEvent[],
  before: State | undefined,
  { state, row }: Pick<Hot, "state" | "row">,
  { batch, now }: { readonly batch: Pick<BatchBuilder, "outbox">; readonly now: number },
): void {
  const types = wanted.of(row);
  if (types === 0) return;
  const { partition, tenant, namespace, name } = row;
  const of = { partition, tenant, instanceId: state.id, namespace, name, emitted: false };
  const context = { workflow: row, before, after: state, now };
  for (const event of lifecycleEvents(facts, context, types))
    batch.outbox.push({ ...of, event: JSON.stringify(event) });
}
