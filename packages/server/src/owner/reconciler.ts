/**
 * Looks for instances that nothing will wake (design invariant 5) and repairs them, loudly: it should find none.
 *
 * Every commit keeps the invariant, and one statement looks at one snapshot, so what it finds is no instance on its way from
 * one wait to the next. The timers it waits for are set again from its state; one that waits for none is faulted with an
 * error that says so.
 */
import { loadState } from "@millrace/engine";
import { type LargeStore, readParted, storeAll } from "../payloads/parted.ts";
import { PayloadError } from "../payloads/payloads.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { InstanceRow, OwnerStore } from "../store/store.ts";
import { BatchBuilder } from "./builder.ts";
import { reportEnd } from "./reports.ts";
import { nothingAfter } from "./effects.ts";
import { faulted } from "./fault.ts";
import { LargeValues } from "./large.ts";
import type { Owner } from "./owner.ts";
import { type Service, service } from "./service.ts";

export interface ReconcilerConfig {
  readonly store: Pick<OwnerStore, "orphans" | "commit">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly interval: number;
  readonly databaseNow: () => number;
  readonly owner: () => Owner;
  readonly large?: LargeStore | undefined;
}

/** Live instances looked at in a pass; the next goes on behind them. */
const STRETCH = 20_000;

export function reconciler(config: ReconcilerConfig): Service {
  const { clock, log, random, interval } = config;
  let reached = "";
  const pass = async (): Promise<void> => {
    const owner = config.owner();
    const partitions = owner.owned.map(({ partition }) => partition);
    if (partitions.length === 0) return;
    const { orphans, next } = await config.store.orphans(partitions, reached, STRETCH);
    reached = next;
    for (const row of orphans)
      try {
        await repair(row, config);
        owner.counters.counts.reconcilerRepairs += 1;
      } catch (err) {
        if (!(err instanceof PayloadError)) throw err;
        log.error({ err, instance: row.id }, "an instance without a wake source cannot be read");
      }
  };
  return service({ name: "reconciler", clock, log, random, interval, pass });
}

/** Restores the timers that the state says are armed; without any, ends the instance with an error. */
async function repair(row: InstanceRow, config: ReconcilerConfig): Promise<void> {
  const { owner, store, log, databaseNow } = config;
  const parted = await readParted(config.large?.values, row.tenant, row.state);
  const state = loadState(parted.record);
  const now = databaseNow();
  const batch = new BatchBuilder();
  const { id: instanceId, partition } = row;
  const arm = (timerId: string, fireAt: number): void =>
    batch.timers.add(instanceId, timerId, { partition, instanceId, timerId, fireAt });
  if (state.timeoutAt !== undefined) arm("W", state.timeoutAt);
  for (const frame of Object.values(state.frames)) {
    if (frame.timeoutAt !== undefined) arm(`t${frame.id}`, frame.timeoutAt);
    if (frame.kind === "try" && frame.retryAt !== undefined) arm(`r${frame.id}`, frame.retryAt);
    if (frame.kind === "try" && frame.attemptUntil !== undefined)
      arm(`a${frame.id}`, frame.attemptUntil);
    if (frame.kind === "subscription" && frame.closesAt !== undefined)
      arm(`s${frame.id}`, frame.closesAt);
    if (frame.kind === "wait" && frame.until !== undefined) arm(`w${frame.id}`, frame.until);
  }
  if (batch.timers.size === 0) {
    const detail = "nothing was left that could wake this instance: a fault of the server";
    const ended = faulted(state, detail, now);
    const of = { id: instanceId, tenant: row.tenant, held: parted.known, brought: [] };
    const large = new LargeValues(config.large?.rules, of, batch);
    batch.updated.push({
      ...row,
      status: "faulted",
      revision: row.revision + 1,
      seq: ended.state.seq,
      state: large.state(ended.state).text,
      updatedAt: now,
      endedAt: now,
    });
    batch.history.push({ partition, instanceId, events: [ended.event] });
    const { mailId } = owner();
    reportEnd(ended.state, { now, mailId, batch, after: nothingAfter(), large });
  }
  log.error({ instance: instanceId, timers: batch.timers.size }, "an instance had no wake source");
  await storeAll(config.large?.values, batch.values);
  const epochs = new Map(owner().owned.map((e) => [e.partition, e.epoch]));
  await store.commit(batch.build((each) => epochs.get(each) ?? -1));
  owner().forget(instanceId);
}
