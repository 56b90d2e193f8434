/**
 * Lets go of references that stand for nothing: those of instances that mention the payload no more, of events that are
 * forgotten, of checkpoints that a newer one has replaced or whose instance has ended.
 *
 * In rounds through all holders, one server at a time (it does no harm when it is two). A round may take several passes.
 */
import type { Holder, PayloadSweepStore } from "./sweep-store.ts";
import type { Mutable, SweeperConfig, SweeperFigures } from "./sweeper.ts";

/** Holders of a step, and how many steps a pass has. */
const STRETCH = 500;
const MOST = 20;
const CHECKPOINTS = 1_000;
/** Milliseconds at least from the beginning of one round to that of the next. */
const ROUND = 60_000;

export function referenceSweeper(
  { store, grace, checkpoints, log }: SweeperConfig,
  figures: Mutable<SweeperFigures>,
): () => Promise<void> {
  const drop = async (refs: Awaited<ReturnType<PayloadSweepStore["lostHolders"]>>) => {
    if (refs.length > 0) figures.references += await store.dropRefs(refs);
  };
  const instance = async ({ holder }: Holder): Promise<void> => {
    const { unmentioned, ...look } = await store.lookAt(holder, grace);
    await drop(unmentioned);
    await store.mark(holder, look);
  };
  const stretch = async (due: readonly Holder[]): Promise<void> => {
    for (const kind of ["event", "checkpoint"] as const) {
      const of = due.filter((each) => each.kind === kind).map(({ holder }) => holder);
      if (of.length > 0) await drop(await store.lostHolders(kind, of, grace));
    }
    for (const each of due) {
      if (each.kind !== "instance") continue;
      // One that cannot be read, or not in time, must not keep the rest from being looked at.
      await instance(each).catch((error: unknown) => {
        log.warn({ err: error, instance: each.holder }, "its payloads could not be looked at");
      });
    }
  };
  /** The last holder of the round under way. */
  let reached: string | undefined;
  return async () => {
    if (reached === undefined) {
      if (!(await store.beginRound("references", Math.min(grace, ROUND)))) return;
      figures.checkpoints += await store.pruneCheckpoints(checkpoints, CHECKPOINTS);
      reached = "";
    }
    for (let done = 0; done < MOST; done += 1) {
      const { due, next }: Awaited<ReturnType<PayloadSweepStore["holders"]>> = await store.holders(
        reached,
        STRETCH,
        grace,
      );
      await stretch(due);
      reached = next;
      if (reached === undefined) return store.pruneMarks();
    }
  };
}
