/**
 * Those who look after a schedule each: they make it, change, pause and resume it, trigger it by keys, fill in what is past,
 * delete it and make it anew; in the end they pause or delete it.
 */
import { partitionOf } from "@millrace/protocol";
import {
  type Outcome,
  type ScheduleCommand,
  scheduleId,
  type ScheduleSpec,
  type ScheduleState,
  within,
} from "@millrace/server/ports";
import { Asking, type Reachable } from "./asking.ts";
import type { Random } from "./random.ts";
import { drawSpec } from "./schedule-specs.ts";
import type { Surroundings } from "./surroundings.ts";

/** Milliseconds after the calm begins at which every schedule has long been looked at, were it due. */
const LOOKED_AT = 60_000;
/** Milliseconds that a schedule which is due may still wait then. */
const LATE = 25_000;

export class ScheduleClients {
  /** Instances that a trigger was told of. */
  readonly acknowledged = new Set<string>();
  readonly #around: Surroundings;
  readonly #random: Random;
  readonly #asking: Asking;
  readonly #nodes: () => readonly Reachable[];
  /** Schedules that were looked at in the end. */
  readonly #looked = new Set<string>();
  #requests = 0;

  constructor(around: Surroundings, random: Random, nodes: () => readonly Reachable[]) {
    this.#around = around;
    this.#random = random;
    this.#nodes = nodes;
    this.#asking = new Asking(around, random, nodes);
  }

  /** Schedules that somebody has still to stop: also what was given up for lost may make or resume one. */
  get busy(): number {
    const { database, plan } = this.#around;
    const running = [...database.schedules.values()].filter(({ paused }) => !paused);
    return running.length + plan.schedules - this.#looked.size;
  }

  begin(): void {
    const { plan, loop } = this.#around;
    for (let each = 0; each < plan.schedules; each += 1) {
      const name = `schedule-${each}`;
      loop.at(this.#random.between(0, plan.calmAt * 0.3), () => this.#make(name));
      loop.at(plan.calmAt + LOOKED_AT, () => this.#end(name));
    }
  }

  #make(name: string): void {
    const { time } = this.#around;
    const random = this.#random;
    const spec = drawSpec(random, time.now);
    const paused = random.chance(0.1) ? { paused: {} } : {};
    const put = { tenant: "default", name, source: "api", spec, mode: "create" } as const;
    const command = { kind: "schedule.put", ...put, token: this.#request(), ...paused } as const;
    this.#tell(name, command, () => this.#live(name));
  }

  /** One thing after the other, until it is calm. */
  #live(name: string): void {
    const { loop, plan } = this.#around;
    loop.at(loop.now + this.#random.between(500, 9000), () => {
      if (loop.now > plan.calmAt) return;
      this.#act(name, () => this.#live(name));
    });
  }

  #act(name: string, next: () => void): void {
    const random = this.#random;
    const { time } = this.#around;
    const kind = random.pick(ACTIONS);
    switch (kind) {
      case "update": {
        const put = { tenant: "default", name, source: "api", mode: "update" } as const;
        const spec = this.#another(name, drawSpec(random, time.now));
        const token = this.#request();
        return this.#tell(name, { kind: "schedule.put", ...put, spec, token }, next);
      }
      case "pause":
        return this.#tell(name, { kind: "schedule.pause", note: "for a while" }, next);
      case "resume":
        return this.#tell(name, { kind: "schedule.resume" }, next);
      case "trigger":
        return this.#trigger(name, next);
      case "backfill":
        return this.#backfill(name, next);
      case "delete":
        return this.#tell(name, { kind: "schedule.delete" }, () => this.#make(name));
    }
  }

  /** The times stay what they are, or all is new. */
  #another(name: string, drawn: ScheduleSpec): ScheduleSpec {
    const before = this.#stateOf(name)?.spec;
    if (before === undefined || this.#random.chance(0.4)) return drawn;
    const { jitter, catchUp, overlap } = drawn;
    const serial = before.workflow.name === "waits" && overlap === "bufferAll";
    const often = { ...before, jitter, overlap: serial ? "skip" : overlap } as const;
    return catchUp === "all" ? often : { ...often, catchUp };
  }

  /** With a key, perhaps at two nodes at once: as the runtime does it, which first looks for what the key has started. */
  #trigger(name: string, next: () => void): void {
    const key = this.#request();
    const twice = this.#random.chance(0.3);
    const id = this.#idOf(name);
    const again = (to: Reachable): ScheduleCommand | undefined => {
      const known = [...this.#around.database.decisions.values()].some(
        (row) => row.scheduleId === id && row.key === key,
      );
      return known ? undefined : { kind: "schedule.trigger", key, at: to.databaseNow() };
    };
    this.#tell(name, again, ({ answer }) => {
      if (answer?.kind === "started") this.acknowledged.add(answer.instanceId);
      next();
    });
    if (twice) this.#tell(name, again, () => {});
  }

  #backfill(name: string, next: () => void): void {
    const id = this.#request();
    const back = this.#random.integer(1000, 30_000);
    const overlap = this.#random.pick(["allow", "bufferAll"] as const);
    const command = (to: Reachable): ScheduleCommand => {
      const until = to.databaseNow();
      return { kind: "schedule.backfill", id, from: until - back, until, overlap };
    };
    this.#tell(name, command, next);
  }

  /** What is due by now has been decided; then nothing more is to start by itself. */
  #end(name: string): void {
    const { loop } = this.#around;
    loop.at(loop.now + LATE, () => this.#end(name));
    const halted = this.#nodes().some(({ machine }) => machine.haltedUntil > loop.now - LOOKED_AT);
    const state = this.#stateOf(name);
    if (!this.#looked.has(name)) {
      if (halted) return;
      this.#looked.add(name);
      this.#expectPunctual(state);
    }
    if (state === undefined) return;
    const waiting = state.buffer.length + state.backfills.length;
    const long = waiting > (state.spec.workflow.name === "waits" ? 0 : 2);
    if (state.paused !== undefined && !long) return;
    const kind = long || this.#random.chance(0.5) ? "schedule.delete" : "schedule.pause";
    this.#tell(name, { kind }, () => {});
  }

  #expectPunctual(state: ScheduleState | undefined): void {
    const { time, violation } = this.#around;
    const late = time.now - (state?.next?.dueAt ?? time.now);
    if (state?.paused === undefined && late > LATE)
      violation(`schedule ${state?.name}: due for ${late} ms, and nobody looks`);
  }

  #stateOf(name: string): ScheduleState | undefined {
    const { database } = this.#around;
    const row = database.schedules.get(this.#idOf(name));
    return row === undefined ? undefined : database.scheduleOf(row);
  }

  /** Until it is known to be carried out, or there is no such schedule. */
  #tell(
    name: string,
    command: ScheduleCommand | ((to: Reachable) => ScheduleCommand | undefined),
    done: (outcome: Outcome) => void,
  ): void {
    const { loop } = this.#around;
    const again = (): void =>
      void loop.at(loop.now + this.#random.between(50, 3000), () =>
        this.#tell(name, command, done),
      );
    this.#asking.ask(
      async (to) => {
        const said = typeof command === "function" ? command(to) : command;
        return said === undefined ? NOTHING : this.#submitted(to, this.#idOf(name), said);
      },
      (outcome) => (outcome === undefined ? again() : done(outcome)),
      again,
    );
  }

  #submitted({ machine, node }: Reachable, id: string, command: ScheduleCommand): Promise<Outcome> {
    const partition = partitionOf(id);
    return within(
      machine.clock,
      (caller) =>
        new Promise<Outcome>((done, fail) =>
          node.owner.submit({
            instanceId: id,
            partition,
            schedule: true,
            command,
            caller,
            done,
            fail,
          }),
        ),
    );
  }

  #idOf(name: string): string {
    return scheduleId("default", name, this.#around.plan.partitions);
  }

  #request(): string {
    this.#requests += 1;
    return `request-${this.#requests}`;
  }
}

const NOTHING: Outcome = { kind: "ignored" };
const ACTIONS = [
  "update",
  "update",
  "pause",
  "resume",
  "resume",
  "trigger",
  "trigger",
  "backfill",
  "delete",
] as const;
