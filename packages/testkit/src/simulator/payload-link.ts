/** The way of a node's sweeper to the database. */
import type { PayloadSweepStore } from "@millrace/server/ports";
import { type Links, outage } from "./link.ts";
import type { Machine } from "./machine.ts";

export function linkedSweeps(links: Links, machine: Machine): PayloadSweepStore {
  const { sweeps } = links.around.database;
  const ask = <T>(what: string, work: () => T): Promise<T> =>
    links.call(machine, { what, work, failed: outage });
  return {
    // Nobody keeps anything here, nothing is in a store, and there are no checkpoints.
    expire: async () => 0,
    takeLeftovers: async () => [],
    forgetLeftovers: async () => {},
    countLeftovers: async () => 0,
    knownLocations: async () => new Set(),
    pruneCheckpoints: async () => 0,
    sweep: (...of) => ask("sweep", () => sweeps.sweep(...of)),
    beginRound: (...of) => ask("beginRound", () => sweeps.beginRound(...of)),
    holders: (...of) => ask("holders", () => sweeps.holders(...of)),
    lookAt: (...of) => ask("lookAt", () => sweeps.lookAt(...of)),
    lostHolders: (_, holders, grace) => ask("lostHolders", () => sweeps.lostEvents(holders, grace)),
    dropRefs: (refs) => ask("dropRefs", () => sweeps.dropRefs(refs)),
    mark: (...of) => ask("mark", () => sweeps.mark(...of)),
    pruneMarks: () => ask("pruneMarks", () => sweeps.pruneMarks()),
  };
}
