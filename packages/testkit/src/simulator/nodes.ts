/** The nodes of the cluster: processes that begin, die, halt, stop in order and are begun again by their supervisor. */
import { load, type Loaded } from "@millrace/language";
import {
  databaseClock,
  type EngineNode,
  engineNode,
  type Logger,
  PayloadError,
  payloadSweeper,
  type SweeperConfig,
} from "@millrace/server/ports";
import type { Reachable } from "./asking.ts";
import { linkedCoordinator, linkedEvents, linkedStore, linkedValues, type Links } from "./link.ts";
import { Machine } from "./machine.ts";
import { linkedSweeps } from "./payload-link.ts";
import { Random } from "./random.ts";
import type { Surroundings } from "./surroundings.ts";
import type { World } from "./world.ts";

const compiled = new Map<string, Loaded>();

/** Nodes begin again and again: a definition is compiled once in the life of this process. */
function compile(text: string): Loaded {
  const known = compiled.get(text) ?? load(text);
  compiled.set(text, known);
  return known;
}

/** Milliseconds a lease lasts. */
const LEASE = 6000;
/** Milliseconds by which a wall clock may be wrong. */
const SKEW = 600_000;
/** Milliseconds by which a clock is set at most. */
const JUMP = 3_600_000;

interface Place {
  readonly name: string;
  machine?: Machine;
  node?: EngineNode;
  databaseNow?: () => number;
  began: number;
}

export class Nodes {
  readonly #around: Surroundings;
  readonly #links: Links;
  readonly #world: World;
  readonly #random: Random;
  readonly #places: Place[];

  constructor(around: Surroundings, links: Links, world: World) {
    this.#around = around;
    this.#links = links;
    this.#world = world;
    this.#random = new Random(around.seed, "nodes");
    this.#places = Array.from({ length: around.plan.nodes }, (_, n) => ({
      name: `n${n + 1}`,
      began: 0,
    }));
  }

  begin(): void {
    const { loop, plan } = this.#around;
    for (const place of this.#places)
      loop.at(this.#random.between(0, 1000), () => this.#boot(place));
    this.#every(plan.killEvery, () => this.#strike());
    this.#every(plan.pauseEvery, () => this.#halt());
    this.#every(plan.databaseCrashEvery, () => this.#crash());
    this.#every(plan.clockJumpEvery, () => this.#setClock());
    loop.at(plan.calmAt, () => this.#around.time.settle());
  }

  reachable(): readonly Reachable[] {
    return this.#places.flatMap(({ machine, node, databaseNow }) =>
      machine?.alive === true && node !== undefined && databaseNow !== undefined
        ? [{ machine, node, databaseNow }]
        : [],
    );
  }

  kill(machine: Machine, why: string): void {
    const { trace, met, loop, calm } = this.#around;
    if (!machine.alive) return;
    trace(`${machine.name}: killed ${why}`);
    met("a node was killed");
    this.#count(machine);
    machine.kill();
    const place = this.#places.find((each) => each.machine === machine);
    const wait = this.#random.between(10, calm() ? 1000 : 12_000);
    if (place !== undefined) loop.at(loop.now + wait, () => this.#boot(place));
  }

  /** Nothing that is left over of these processes runs any more. */
  end(): void {
    for (const { machine } of this.#places) machine?.kill();
  }

  /** What the nodes themselves have counted. */
  checkCounters(): void {
    for (const { machine } of this.#places) if (machine?.alive === true) this.#count(machine);
  }

  #every(mean: number, run: () => void): void {
    const { loop, calm } = this.#around;
    if (!Number.isFinite(mean)) return;
    const next = (): void => {
      loop.at(loop.now + mean * -Math.log(1 - this.#random.next()), () => {
        if (calm()) return;
        run();
        next();
      });
    };
    next();
  }

  #boot(place: Place): void {
    const { loop, seed, plan, trace } = this.#around;
    place.began += 1;
    const name = `${place.name}.${place.began}`;
    const random = new Random(seed, name);
    const machine = new Machine({
      name,
      loop,
      random: new Random(seed, `${name} machine`),
      skew: random.between(-SKEW, SKEW),
      rate: 1 + random.between(-0.0002, 0.0002),
    });
    place.machine = machine;
    delete place.node;
    const { clock } = machine;
    const log = this.#logger(machine);
    trace(`${name}: begins`);
    const read = (): Promise<number> =>
      this.#links.call(machine, {
        what: "now",
        work: () => this.#around.time.now,
        failed: () => new Error("no answer"),
      });
    const open = async (): Promise<void> => {
      const database = await databaseClock(read, clock, log, () => random.next());
      const ports = {
        store: linkedStore(this.#links, machine),
        events: linkedEvents(this.#links, machine),
        coordinator: linkedCoordinator(this.#links, machine, { node: name, ttl: LEASE }),
        database,
        clock,
        log,
        executor: this.#world.executorOn(machine),
        random: () => random.next(),
        randomBytes: () => random.bytes(10),
        onProgress: () => {},
        compile,
        large: {
          values: linkedValues(this.#links, machine),
          rules: { limit: plan.large, accepts: () => true },
        },
      };
      place.databaseNow = () => database.now();
      const { partitions, concurrency, exclusive } = plan;
      place.node = engineNode(ports, {
        partitions,
        concurrency,
        exclusive,
        lease: LEASE,
        drain: 2000,
        scheduleRetention: 3_600_000,
        eventTimes: { keep: 600_000, retention: 36_000_000 },
      });
      await place.node.start();
      this.#sweepOn(machine, { clock, log, random: () => random.next() });
    };
    machine.enter(loop.now, () => {
      open().catch((error: unknown) => this.kill(machine, `as it began: ${String(error)}`));
    });
  }

  /** It stops with its machine. */
  #sweepOn(machine: Machine, around: Pick<SweeperConfig, "clock" | "log" | "random">): void {
    const { grace } = this.#around.plan;
    const store = linkedSweeps(this.#links, machine);
    const interval = Math.max(1000, grace / 3);
    payloadSweeper({ ...around, store, blobs: [], grace, checkpoints: 0, interval }).start();
  }

  #strike(): void {
    const { plan, loop } = this.#around;
    const alive = this.reachable();
    if (alive.length === 0) return;
    const { machine, node } = this.#random.pick(alive);
    if (!this.#random.chance(plan.orderly)) return this.kill(machine, "by a signal");
    machine.enter(loop.now, () => {
      this.#around.trace(`${machine.name}: stops`);
      void this.#stop(machine, node);
    });
    // Its supervisor has no patience without end.
    loop.at(loop.now + 20_000, () => this.kill(machine, "because it does not stop"));
  }

  async #stop(machine: Machine, node: EngineNode): Promise<void> {
    await node.stop();
    this.#around.met("a node was stopped in order");
    this.kill(machine, "after it stopped");
  }

  #halt(): void {
    const { plan, met, trace } = this.#around;
    const alive = this.reachable();
    if (alive.length === 0) return;
    const { machine } = this.#random.pick(alive);
    const duration = this.#random.between(0, plan.longestPause);
    trace(`${machine.name}: halts for ${duration.toFixed(0)} ms`);
    if (duration > LEASE) met("a node was paused for longer than its lease");
    machine.pause(duration);
  }

  #crash(): void {
    const { loop, trace } = this.#around;
    trace("db: crashes");
    this.#links.crash();
    loop.at(loop.now + this.#random.between(50, 10_000), () => {
      trace("db: is back");
      this.#links.recover();
    });
  }

  /** Mostly the database's, by which everything goes; a node's own should count for nothing. */
  #setClock(): void {
    const { met, trace, time } = this.#around;
    const by = Math.round(this.#random.between(-JUMP, JUMP));
    const alive = this.reachable();
    if (alive.length > 0 && this.#random.chance(0.2)) {
      const { machine } = this.#random.pick(alive);
      machine.setClock(by);
      trace(`${machine.name}: its clock is set by ${by} ms`);
      return met("the clock of a node was set");
    }
    trace(`db: its clock is set by ${time.jump(by)} ms`);
    met(by > 0 ? "the database's clock was set forward" : "the database's clock was set back");
  }

  #count(machine: Machine): void {
    const place = this.#places.find((each) => each.machine === machine);
    if (place?.node === undefined) return;
    const { met, violation } = this.#around;
    const { counts } = place.node.owner.counters;
    if (counts.reconcilerRepairs > 0) violation("the reconciler had something to repair");
    if (counts.activityResultsRefused > 0) met("an answer came too late and was dropped");
    if (counts.leasesLost > 0) met("a node found out that it had lost a partition");
  }

  /**
   * A node that has lost a partition, and does not know it yet, may look for a value that its instance has no need of any more: a
   * grace period that is longer than any such delay would have kept it.
   */
  #isOutdated(fields: object): boolean {
    const { err, instance } = fields as { readonly err?: Error; readonly instance?: string };
    if (!(err instanceof PayloadError) || err.kind !== "missing") return false;
    return !this.#around.database.payloads.refs.has(`${instance} ${err.digest}`);
  }

  #logger(machine: Machine): Logger {
    const { trace, violation } = this.#around;
    const line = (fields: object, message: string): void => {
      const { err } = fields as { err?: Error };
      trace(`${machine.name}: ${message}${err === undefined ? "" : ` (${err.message})`}`);
    };
    return {
      debug: () => {},
      info: line,
      warn: line,
      error: (fields, message) => {
        line(fields, message);
        if (!this.#isOutdated(fields)) violation(`${machine.name} logged an error: ${message}`);
      },
    };
  }
}
