/**
 * The way from a machine to the database and back, and what can happen on it: a request is refused, lost or late, its
 * answer is lost, the database crashes meanwhile, the machine dies or halts as it sends.
 */
import {
  type Batch,
  type Coordinator,
  type EngineValues,
  type Epoch,
  type EventStore,
  type OwnerStore,
  PayloadError,
  StoreError,
} from "@millrace/server/ports";
import type { Machine } from "./machine.ts";
import type { Sometimes } from "./sometimes.ts";
import type { Surroundings } from "./surroundings.ts";

type Failure = "refused" | "broken";

interface Call<T> {
  readonly what: string;
  /** What the database does with it, at one instant. */
  readonly work: () => T;
  readonly failed: (failure: Failure) => Error;
  /** Its sender is told that nobody knows; this is how it was. */
  readonly told?: (truth: Truth) => void;
  /** The database refuses some at random, without doing anything. */
  readonly refusal?: () => Error;
}
type Truth = "written" | "lost" | "crashed" | "written afterwards" | "refused afterwards";

type Fate = "done" | "refused" | "refusal" | "request lost" | "answer lost" | "late";

/** All calls on their way to one database, which can be away. */
export class Links {
  readonly around: Surroundings;
  /** What becomes of each call that the database has not seen yet, should it crash. */
  readonly #onItsWay = new Set<() => void>();
  #away = false;

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** The database stops at once: what it has not done it will not do. */
  crash(): void {
    this.#away = true;
    for (const broken of this.#onItsWay) broken();
    this.#onItsWay.clear();
  }
  recover(): void {
    this.#away = false;
  }

  /** Never resolves once the machine is dead. */
  call<T>(machine: Machine, call: Call<T>): Promise<T> {
    const { plan, network } = this.around;
    if (machine.alive && this.#goesWrong(plan.killAtCall)) {
      this.around.met("a node was killed as it called the database");
      this.around.kill(machine, `before ${call.what}`);
    }
    if (!machine.alive) return new Promise(() => {});
    if (this.#goesWrong(plan.pauseAtCall)) machine.pause(network.between(0, plan.longestPause));
    const fate = this.#fate(call);
    const [there, back] = [0, 0].map(() => network.between(0.05, plan.latency)) as [number, number];
    const patience = network.between(0, network.chance(0.1) ? 30_000 : 300);
    return new Promise<T>((resolve, reject) => {
      const { loop, trace } = this.around;
      const fail = (error: Error, wait = 0): void => {
        trace(`${machine.name}: ${call.what} fails: ${error.message}`);
        machine.enter(loop.now + back + wait, () => reject(error));
      };
      const arrive = (): void => {
        if (this.#away) this.around.met("the database refused connections");
        if (this.#away || fate === "refused") return fail(call.failed("refused"));
        if (fate === "refusal") return fail(call.refusal?.() ?? call.failed("refused"));
        if (fate === "request lost") {
          call.told?.("lost");
          return fail(call.failed("broken"), patience);
        }
        let given: T;
        try {
          given = call.work();
        } catch (error) {
          return fail(error as Error);
        }
        if (fate === "done") return void machine.enter(loop.now + back, () => resolve(given));
        call.told?.("written");
        fail(call.failed("broken"), patience);
      };
      const at = machine.time + there;
      if (fate === "late") {
        // The line breaks first; what was sent is carried out all the same.
        loop.at(at, () => fail(call.failed("broken")));
        const crashed = (): void => call.told?.("crashed");
        this.#arriving(at + network.between(0, 5000), () => late(call), crashed);
      } else
        this.#arriving(at, arrive, () => {
          call.told?.("crashed");
          fail(call.failed("broken"), patience);
        });
    });
  }

  #arriving(at: number, arrive: () => void, broken: () => void): void {
    this.#onItsWay.add(broken);
    this.around.loop.at(at, () => {
      if (this.#onItsWay.delete(broken)) arrive();
    });
  }

  #goesWrong(probability: number): boolean {
    return this.around.network.chance(probability) && !this.around.calm();
  }

  /** Draws the same number of times whatever comes out. */
  #fate({ refusal }: Pick<Call<unknown>, "refusal">): Fate {
    const { plan } = this.around;
    const fates: readonly (readonly [Fate, number])[] = [
      ["refused", plan.refuse],
      ["refusal", refusal === undefined ? 0 : plan.conflict],
      ["request lost", plan.loseRequest],
      ["answer lost", plan.loseAnswer],
      ["late", plan.late],
    ];
    let drawn: Fate = "done";
    for (const [fate, probability] of fates)
      if (this.#goesWrong(probability) && drawn === "done") drawn = fate;
    return drawn;
  }
}

function late({ work, told }: Call<unknown>): void {
  try {
    work();
    told?.("written afterwards");
  } catch {
    told?.("refused afterwards");
  }
}

/** A broken line or an outage, as the PostgreSQL driver words it for a question that writes nothing. */
export function outage(failure: Failure): Error {
  const [message, code] =
    failure === "refused"
      ? ["connect ECONNREFUSED", "ECONNREFUSED"]
      : ["Connection terminated unexpectedly", "57P01"];
  return Object.assign(new Error(message), { code });
}

export function linkedStore(links: Links, machine: Machine): OwnerStore {
  const { database } = links.around;
  const ask = <T>(what: string, work: () => T): Promise<T> =>
    links.call(machine, { what, work, failed: outage });
  return {
    commit: (batch) => commit(links, machine, batch),
    loadInstances: (ids) => ask("loadInstances", () => database.loadInstances(ids)),
    loadSchedules: (ids) => ask("loadSchedules", () => database.loadSchedules(ids)),
    pruneDecisions: async () => 0,
    loadKeys: (keys) => ask("loadKeys", () => database.loadKeys(keys)),
    dueTimers: (partitions, from, until, limit) =>
      ask("dueTimers", () => database.dueTimers(partitions, from, until, limit)),
    readInbox: (partitions, limit) => ask("readInbox", () => database.readInbox(partitions, limit)),
    unconsumed: (messages) => ask("unconsumed", () => database.unconsumed(messages)),
    redeliverable: (epochs, limit) =>
      ask("redeliverable", () => database.redeliverable(epochs, limit)),
    withActivities: (partitions, after, limit) =>
      ask("withActivities", () => database.withActivities(partitions, after, limit)),
    orphans: (partitions, after, stretch) =>
      ask("orphans", () => database.orphans(partitions, after, stretch)),
    definition: (workflow) => ask("definition", () => database.definition(workflow)),
    latestVersion: (workflow) => ask("latestVersion", () => database.latestVersion(workflow)),
  };
}

export function linkedEvents(links: Links, machine: Machine): EventStore {
  const { database } = links.around;
  const ask = <T>(what: string, work: () => T): Promise<T> =>
    links.call(machine, { what, work, failed: outage });
  const tables = database.waits;
  return {
    filters: (...of) => ask("filters", () => tables.filtersOf(...of)),
    filterDefinitions: (names) => ask("filterDefinitions", () => tables.definitions(names)),
    receive: (events, notBefore) => ask("receive", () => tables.receive(events, notBefore)),
    match: (epochs, since) => ask("match", () => tables.match(database.checkEpochs(epochs), since)),
    look: (epochs, keep, since) =>
      ask("look", () => tables.look(database.checkEpochs(epochs), keep, since)),
    pruneKept: (keep, limit) => ask("pruneKept", () => tables.pruneKept(keep, limit)),
    pruneEvents: (...of) => ask("pruneEvents", () => tables.pruneEvents(...of)),
  };
}

function commit(links: Links, machine: Machine, batch: Batch): Promise<void> {
  const { database, met, uncertain } = links.around;
  const { created, updated, schedules, deletedSchedules } = batch;
  const ids = [...created, ...updated, ...schedules, ...deletedSchedules].map(({ id }) => id);
  const of = ids.map((id) => id.slice(-6)).join(" ");
  return links.call(machine, {
    what: `commit of ${of} at ${batch.epochs.map((e) => `${e.partition}:${e.epoch}`).join(" ")}`,
    work: () => database.commit(batch),
    failed: (failure) => {
      if (failure === "refused") return new StoreError("unavailable", "no connection");
      for (const id of [...ids, ...batch.consumed.map((each) => each.id)]) uncertain.add(id);
      return new StoreError("unknown", "the connection broke during the commit");
    },
    told: (truth) => met(UNKNOWN[truth]),
    refusal: () => {
      met("a commit was refused without a reason of ours");
      return new StoreError("conflict", "deadlock detected");
    },
  });
}

const UNKNOWN: Readonly<Record<Truth, Sometimes>> = {
  written: "a commit of unknown outcome had been written",
  lost: "a commit of unknown outcome had not been written",
  crashed: "the database crashed with a commit on its way",
  "written afterwards":
    "a commit was written after its sender was told that the outcome is unknown",
  "refused afterwards": "a commit on its way met a newer epoch",
};

export function linkedValues(links: Links, machine: Machine): EngineValues {
  const { database, met } = links.around;
  const failed = (): Error => new PayloadError("unavailable", "the store does not answer");
  return {
    accepts: () => true,
    store: (tenant, values) =>
      links.call(machine, {
        what: "store",
        work: () => database.payloads.store(tenant, values),
        failed,
      }),
    load: (tenant, digests) => {
      met("a large value was loaded again");
      return links.call(machine, {
        what: "load",
        work: () => database.payloads.load(tenant, digests),
        failed,
      });
    },
  };
}

export interface LeaseConfig {
  readonly node: string;
  readonly ttl: number;
}

export function linkedCoordinator(
  links: Links,
  machine: Machine,
  { node, ttl }: LeaseConfig,
): Coordinator {
  const { database, met } = links.around;
  const ask = <T>(what: string, work: () => T): Promise<T> =>
    links.call(machine, { what, work, failed: outage });
  const acquire = (partitions: readonly number[], seize: boolean): readonly Epoch[] => {
    const before = database.leases.map(({ owner }) => owner);
    const leaders = database.leases.map(({ leader }) => leader);
    const taken = database.acquire(node, partitions, ttl, seize);
    const others = taken.filter(({ partition }) => (before[partition] ?? node) !== node);
    if (others.length > 0 && !seize) met("a lease ended and another node took the partition");
    for (const { partition } of taken)
      if ((leaders[partition] ?? node) !== node) met("another process took a partition over");
    return taken;
  };
  return {
    acquire: (partitions, seize) =>
      links.call(machine, {
        what: "acquire",
        work: () => acquire(partitions, seize),
        failed: outage,
        told: (truth) => {
          if (truth === "written") met("partitions were taken, and the answer was lost");
        },
      }),
    renew: (held) => ask("renew", () => database.renew(node, held, ttl)),
    release: (held) =>
      ask("release", () => {
        database.release(node, held);
        met("a lease was given back");
      }),
  };
}
