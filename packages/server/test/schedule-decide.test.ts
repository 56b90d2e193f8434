/** The state machine of schedules, over times that are easy to follow: every ten seconds unless said otherwise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decideSchedule } from "../src/scheduler/decide.ts";
import type { Exclusion, ScheduleDecided, Times } from "../src/scheduler/decided.ts";
import { scheduledInstanceId } from "../src/scheduler/ids.ts";
import {
  DEFAULTS,
  type ScheduleCommand,
  type ScheduleSpec,
  type ScheduleState,
} from "../src/scheduler/schedule.ts";

const T0 = 1_700_000_000_000;
const ID = "0000000000000000000000000A";
const SPEC: ScheduleSpec = {
  ...DEFAULTS,
  workflow: { namespace: "shop", name: "report" },
  input: {},
  trigger: { kind: "every", milliseconds: 10_000 },
};

/** Every interval from the creation on; a multiple of 100 seconds after T0 is excluded where asked. */
const times: Times = {
  next({ spec, createdAt }, after) {
    if (spec.trigger.kind !== "every") return undefined;
    const { milliseconds } = spec.trigger;
    const nominal = createdAt + (Math.floor((after - createdAt) / milliseconds) + 1) * milliseconds;
    return this.at({ id: ID, spec, createdAt }, nominal);
  },
  at({ spec }, nominal) {
    if (nominal > (spec.endAt ?? Number.POSITIVE_INFINITY)) return undefined;
    return { nominal, dueAt: nominal + spec.jitter };
  },
  exclusion({ spec }, nominal) {
    const asked = spec.excludedDates.length > 0 && (nominal - T0) % 100_000 === 0;
    return asked ? { kind: "dates" } : undefined;
  },
};

/** A schedule with what it has done so far. */
class Bench {
  state: ScheduleState | undefined;
  now = T0;
  puts = 0;
  wakeAt: number | undefined;
  /** What the calendars say. */
  calendars: (...asked: Parameters<Times["exclusion"]>) => Exclusion | undefined = (...asked) =>
    times.exclusion(...asked);
  readonly started: number[] = [];
  readonly cancelled: string[] = [];
  readonly record: string[] = [];

  constructor(spec: Partial<ScheduleSpec> = {}, mode: "create" | "either" = "create") {
    this.put({ ...SPEC, ...spec }, mode);
  }

  put(spec: ScheduleSpec, mode: "create" | "update" | "either"): ScheduleDecided {
    const named = { tenant: "default", name: "n", source: "api" } as const;
    const token = `${(this.puts += 1)}`;
    return this.do({ kind: "schedule.put", ...named, spec, mode, token });
  }

  do(command: ScheduleCommand): ScheduleDecided {
    const decided = decideSchedule(ID, this.state, command, {
      now: this.now,
      times: { ...times, exclusion: (...asked) => this.calendars(...asked) },
    });
    this.state = decided.state;
    if (decided.changed === true) this.wakeAt = decided.wakeAt;
    for (const { occasion } of decided.starts ?? [])
      this.started.push((occasion.nominal - T0) / 1000);
    this.cancelled.push(...(decided.cancels ?? []));
    for (const { nominal, until, count, outcome, reason } of decided.decisions ?? [])
      if (outcome === "skipped") {
        const last = until === undefined ? "" : `-${(until - T0) / 1000}`;
        this.record.push(
          `${(nominal - T0) / 1000}${last} ${reason}${count === undefined ? "" : ` ×${count}`}`,
        );
      }
    return decided;
  }

  /** Lets time pass, with a firing at each time asked for. */
  until(seconds: number): this {
    const end = T0 + seconds * 1000;
    for (let n = 0; this.wakeAt !== undefined && this.wakeAt <= end; n++) {
      assert.ok(n < 10_000, "it never comes to rest");
      this.now = Math.max(this.now, this.wakeAt);
      this.do({ kind: "timer.fired", timerId: "S" });
    }
    this.now = end;
    return this;
  }

  /** No server runs until then. */
  away(seconds: number): this {
    this.now = T0 + seconds * 1000;
    return this.until(seconds);
  }

  end(seconds: number, status: "completed" | "faulted" | "cancelled" = "completed"): this {
    const occasion = { origin: "time", nominal: T0 + seconds * 1000 } as const;
    const instanceId = scheduledInstanceId(
      { id: ID, createdAt: this.state?.createdAt ?? 0 },
      occasion,
    );
    this.do({ kind: "schedule.ended", instanceId, occasion, status });
    return this;
  }
}

describe("times", () => {
  it("start one instance each, in order", () => {
    const bench = new Bench({ overlap: "allow" }).until(35);
    assert.deepEqual(bench.started, [10, 20, 30]);
    assert.equal(bench.wakeAt, T0 + 40_000);
  });
  it("are decided once, whatever fires twice", () => {
    const bench = new Bench({ overlap: "allow" }).until(30);
    bench.do({ kind: "timer.fired", timerId: "S" });
    assert.deepEqual(bench.started, [10, 20, 30]);
  });
  it("are not decided again when the clock is set back", () => {
    const bench = new Bench({ overlap: "allow" }).until(30);
    bench.now = T0 + 5_000;
    bench.do({ kind: "timer.fired", timerId: "S" });
    bench.do({ kind: "schedule.pause" });
    bench.do({ kind: "schedule.resume" });
    bench.until(40);
    assert.deepEqual(bench.started, [10, 20, 30, 40]);
    assert.deepEqual(bench.record, []);
  });
  it("wait for their jitter", () => {
    const bench = new Bench({ overlap: "allow", jitter: 3_000 }).until(12);
    assert.deepEqual(bench.started, []);
    assert.deepEqual(bench.until(13).started, [10]);
  });
  it("end with the schedule", () => {
    const bench = new Bench({ overlap: "allow", endAt: T0 + 20_000 }).until(100);
    assert.deepEqual(bench.started, [10, 20]);
    assert.equal(bench.wakeAt, undefined);
  });
  it("on an excluded day are passed over", () => {
    const bench = new Bench({ overlap: "allow", excludedDates: ["2027-01-01"] }).until(115);
    assert.ok(!bench.started.includes(100));
    assert.ok(bench.started.includes(110));
    assert.deepEqual(bench.record, ["100 excluded"]);
  });
});

describe("calendars", () => {
  const holidays: Exclusion = { kind: "calendar", name: "holidays" };
  const unknown: Exclusion = { kind: "unknown", name: "holidays" };
  const details = ({ decisions = [] }: ScheduleDecided) => decisions.map(({ detail }) => detail);

  it("are looked at when a time is due, not when it became the next", () => {
    const bench = new Bench({ overlap: "allow" }).until(15);
    bench.calendars = (_, nominal) => (nominal === T0 + 20_000 ? holidays : undefined);
    bench.until(25);
    bench.calendars = () => undefined;
    assert.deepEqual(bench.until(45).started, [10, 30, 40]);
    assert.deepEqual(bench.record, ["20 excluded"]);
  });
  it("are named on record, and times in a row by one calendar are one record", () => {
    const bench = new Bench({ catchUp: "all", overlap: "allow" }).until(10);
    bench.calendars = (_, nominal) =>
      nominal <= T0 + 40_000 ? holidays : nominal <= T0 + 60_000 ? { kind: "dates" } : undefined;
    bench.now = T0 + 75_000;
    const decided = bench.do({ kind: "timer.fired", timerId: "S" });
    assert.deepEqual(details(decided), ["by the calendar holidays", undefined, undefined]);
    assert.deepEqual(bench.record, ["20-40 excluded ×3", "50-60 excluded ×2"]);
    assert.deepEqual(bench.started, [10, 70]);
  });
  it("that are not known keep times waiting, which are decided when they are", () => {
    const bench = new Bench({ overlap: "allow", catchUp: "all" }).until(10);
    bench.calendars = () => unknown;
    bench.until(32.5);
    assert.deepEqual(bench.started, [10]);
    assert.deepEqual(bench.record, []);
    assert.equal(bench.state?.next?.nominal, T0 + 20_000);
    bench.calendars = (_, nominal) => (nominal === T0 + 30_000 ? holidays : undefined);
    assert.deepEqual(bench.until(40).started, [10, 20, 40]);
    assert.deepEqual(bench.record, ["30 excluded"]);
  });
  it("that are not known leave no time without a record when the schedule is paused", () => {
    const bench = new Bench({ overlap: "allow" }).until(10);
    bench.calendars = () => unknown;
    bench.until(25);
    bench.do({ kind: "schedule.pause" });
    assert.deepEqual(bench.record, ["20-25 superseded"]);
  });
  it("that are not known keep a backfill where it stands", () => {
    const bench = new Bench({ trigger: { kind: "every", milliseconds: 10_000 } }).until(5);
    bench.calendars = (_, nominal) => (nominal === T0 - 20_000 ? unknown : undefined);
    const stretch = { from: T0 - 40_000, until: T0 - 10_000, overlap: "allow" } as const;
    bench.do({ kind: "schedule.backfill", id: "b", ...stretch });
    bench.until(8);
    assert.deepEqual(bench.started, [-40, -30]);
    bench.calendars = (_, nominal) => (nominal === T0 - 20_000 ? holidays : undefined);
    assert.deepEqual(bench.until(9).started, [-40, -30, -10]);
    assert.deepEqual(bench.record, ["-20 excluded"]);
    assert.deepEqual(bench.state?.backfills, []);
  });
  it("leave the last of what was missed to run when those after it are excluded", () => {
    const bench = new Bench({ overlap: "allow" }).until(10);
    bench.calendars = (_, nominal) => (nominal >= T0 + 50_000 ? holidays : undefined);
    bench.away(85);
    assert.deepEqual(bench.started, [10, 40]);
    assert.deepEqual(bench.record, ["20-30 superseded ×2", "50-80 excluded ×4"]);
  });
  it("let an `after` go on from a day that is left out", () => {
    const bench = new Bench({ trigger: { kind: "after", milliseconds: 10_000 } });
    bench.calendars = (_, nominal) => (nominal < T0 + 20_000 ? holidays : undefined);
    bench.until(25);
    assert.deepEqual(bench.record, ["0 excluded", "10 excluded"]);
    assert.deepEqual(bench.started, [20]);
  });
});

describe("overlap", () => {
  it("skip passes over what comes while one runs", () => {
    const bench = new Bench().until(35);
    assert.deepEqual(bench.started, [10]);
    assert.deepEqual(bench.record, ["20 overlap", "30 overlap"]);
    assert.deepEqual(bench.end(10).until(45).started, [10, 40]);
  });
  it("bufferOne lets one wait", () => {
    const bench = new Bench({ overlap: "bufferOne" }).until(35);
    assert.deepEqual(bench.record, ["30 buffer-full"]);
    assert.deepEqual(bench.end(10).started, [10, 20]);
  });
  it("bufferAll starts them one after the other", () => {
    const bench = new Bench({ overlap: "bufferAll" }).until(35);
    assert.deepEqual(bench.started, [10]);
    assert.deepEqual(bench.end(10).started, [10, 20]);
    assert.deepEqual(bench.end(20).started, [10, 20, 30]);
    assert.deepEqual(bench.record, []);
  });
  it("cancelOther waits for the end of what it cancelled", () => {
    const bench = new Bench({ overlap: "cancelOther" }).until(35);
    assert.deepEqual(bench.started, [10]);
    assert.equal(new Set(bench.cancelled).size, 1);
    assert.deepEqual(bench.record, ["20 superseded"]);
    assert.deepEqual(bench.end(10, "cancelled").started, [10, 30]);
  });
  it("terminateOther does not wait", () => {
    const bench = new Bench({ overlap: "terminateOther" }).until(25);
    assert.deepEqual(bench.started, [10, 20]);
    assert.equal(bench.cancelled.length, 1);
  });
});

describe("catching up", () => {
  it("counts what is a little late as on time", () => {
    assert.deepEqual(new Bench({ overlap: "allow" }).away(30).started, [10, 20, 30]);
  });
  it("runs the last of what was missed", () => {
    const bench = new Bench({ overlap: "allow", trigger: { kind: "every", milliseconds: 60_000 } });
    bench.away(345);
    assert.deepEqual(bench.started, [300]);
    assert.deepEqual(bench.record, ["60-240 superseded ×4"]);
  });
  it("runs none, or all, as asked", () => {
    const trigger = { kind: "every", milliseconds: 60_000 } as const;
    const none = new Bench({ overlap: "allow", trigger, catchUp: "none" }).away(345);
    assert.deepEqual(none.started, []);
    assert.deepEqual(none.record, ["60-300 missed ×5"]);
    const all = new Bench({ overlap: "allow", trigger, catchUp: "all" }).away(345);
    assert.deepEqual(all.started, [60, 120, 180, 240, 300]);
  });
  it("goes back no further than its window", () => {
    const trigger = { kind: "every", milliseconds: 60_000 } as const;
    const bench = new Bench({ overlap: "allow", trigger, catchUp: "all", catchUpWindow: 130_000 });
    bench.away(345);
    assert.deepEqual(bench.started, [240, 300]);
    assert.deepEqual(bench.record, ["60-180 outside-window ×3"]);
  });
  it("comes to the end of ten thousand missed times in stretches", () => {
    const bench = new Bench({ overlap: "allow", catchUp: "all" }).away(100_000);
    const { started, record } = bench;
    assert.equal(started.length, 8_641);
    assert.equal(new Set(started).size, 8_641);
    const passed = record.map((text) => Number(text.split("×")[1])).reduce((a, b) => a + b, 0);
    assert.equal(started.length + passed, 10_000);
  });
});

describe("after", () => {
  const trigger = { kind: "after", milliseconds: 5_000 } as const;
  it("starts at once, and again so long after each end, however it ended", () => {
    const bench = new Bench({ trigger }).until(0);
    assert.deepEqual(bench.started, [0]);
    bench.until(20).end(0, "faulted").until(26);
    assert.deepEqual(bench.started, [0, 25]);
    bench.until(40).end(25, "cancelled").until(50);
    assert.deepEqual(bench.started, [0, 25, 45]);
    assert.deepEqual(bench.record, []);
  });
  it("goes on after a pause, during which the end came", () => {
    const bench = new Bench({ trigger }).until(0);
    bench.do({ kind: "schedule.pause" });
    bench.end(0).until(60);
    assert.deepEqual(bench.started, [0]);
    bench.do({ kind: "schedule.resume" });
    assert.equal(bench.until(60).started.length, 2);
  });
});

describe("pausing", () => {
  it("starts nothing, and says afterwards what was passed over", () => {
    const bench = new Bench({ overlap: "allow" }).until(10);
    bench.do({ kind: "schedule.pause", note: "maintenance" });
    assert.equal(bench.state?.paused?.note, "maintenance");
    bench.until(45);
    bench.do({ kind: "schedule.resume" });
    bench.until(50);
    assert.deepEqual(bench.started, [10, 50]);
    assert.deepEqual(bench.record, ["20-40 paused ×3"]);
  });
  it("comes by itself after so many failures in a row", () => {
    const bench = new Bench({ pauseAfterFailures: 2 }).until(10).end(10, "faulted").until(20);
    bench.end(20).until(30).end(30, "faulted").until(40).end(40, "faulted").until(100);
    assert.deepEqual(bench.started, [10, 20, 30, 40]);
    assert.equal(bench.state?.paused?.by, "failures");
  });
});

describe("by hand", () => {
  it("a trigger starts whatever runs, once for its key", () => {
    const bench = new Bench().until(10);
    const first = bench.do({ kind: "schedule.trigger", key: "a", at: bench.now });
    assert.equal(first.answer.kind, "started");
    assert.equal(bench.started.length, 2);
  });
  it("a trigger asked for again before the first was seen meets what that started", () => {
    const bench = new Bench();
    const first = bench.do({ kind: "schedule.trigger", key: "k", at: T0 + 1_000 });
    const again = bench.do({ kind: "schedule.trigger", key: "k", at: T0 + 2_000 });
    assert.deepEqual(again.answer, first.answer);
    assert.notDeepEqual(
      bench.do({ kind: "schedule.trigger", key: "l", at: T0 + 2_000 }).answer,
      first.answer,
    );
  });
  it("a backfill starts what lies between, and meets what is there", () => {
    const bench = new Bench({ overlap: "allow" }).until(35);
    bench.do({
      kind: "schedule.backfill",
      id: "b",
      from: T0 + 20_000,
      until: T0 + 30_000,
      overlap: "allow",
    });
    assert.deepEqual(bench.started, [10, 20, 30, 20, 30]);
    const ids = bench.started.map((s) =>
      scheduledInstanceId({ id: ID, createdAt: T0 }, { nominal: T0 + s * 1000 }),
    );
    assert.equal(new Set(ids).size, 3);
  });
  it("a backfill that buffers goes one by one", () => {
    const bench = new Bench({ overlap: "allow" }).until(35);
    bench.started.splice(0);
    const backfill = { kind: "schedule.backfill", id: "b", overlap: "bufferAll" } as const;
    bench.do({ ...backfill, from: T0 + 10_000, until: T0 + 30_000 });
    assert.deepEqual(bench.started, [10]);
    assert.deepEqual(bench.end(10).started, [10, 20]);
    assert.deepEqual(bench.end(20).started, [10, 20, 30]);
  });
  it("a large backfill goes in stretches", () => {
    const bench = new Bench({ overlap: "allow", trigger: { kind: "every", milliseconds: 1_000 } });
    bench.until(0).now = T0 + 5_000_000;
    bench.do({ kind: "schedule.pause" });
    const all = { kind: "schedule.backfill", id: "b", overlap: "allow" } as const;
    bench.started.splice(0);
    bench.do({ ...all, from: T0 + 1_000, until: T0 + 1_000_000 });
    assert.ok(bench.started.length < 500);
    bench.until(5_000);
    assert.equal(new Set(bench.started).size, 1_000);
  });
});

describe("changing", () => {
  it("decides by the old spec what was due before, and by the new what comes", () => {
    const bench = new Bench({ overlap: "allow" }).until(10);
    bench.now = T0 + 25_000;
    const trigger = { kind: "every", milliseconds: 15_000 } as const;
    bench.put({ ...SPEC, overlap: "allow", trigger }, "update");
    assert.deepEqual(bench.started, [10, 20]);
    assert.deepEqual(bench.until(45).started, [10, 20, 30, 45]);
  });
  it("keeps a time that has come and waits for its jitter, unless the times are others now", () => {
    const bench = new Bench({ overlap: "allow", jitter: 3_000 }).until(11);
    bench.put({ ...SPEC, overlap: "allow", jitter: 3_000, input: { n: 2 } }, "update");
    assert.deepEqual(bench.until(21).started, [10]);
    const trigger = { kind: "every", milliseconds: 30_000 } as const;
    bench.put({ ...SPEC, overlap: "allow", jitter: 3_000, trigger }, "update");
    assert.deepEqual(bench.until(40).started, [10, 30]);
    assert.deepEqual(bench.record, ["20-20 withdrawn ×1"]);
  });
  it("while it is paused says what was passed over until then", () => {
    const bench = new Bench({ overlap: "allow" });
    bench.do({ kind: "schedule.pause" });
    bench.until(25).put({ ...SPEC, overlap: "allow", input: { n: 2 } }, "update");
    bench.until(35).do({ kind: "schedule.resume" });
    assert.deepEqual(bench.record, ["10-20 paused ×2", "30-30 paused ×1"]);
  });
  it("of what starts after an end counts from that end still", () => {
    const after = (milliseconds: number) => ({ trigger: { kind: "after", milliseconds } }) as const;
    const bench = new Bench(after(60_000)).until(0);
    bench.until(5).end(0);
    bench.until(10).put({ ...SPEC, ...after(30_000) }, "update");
    assert.deepEqual(bench.until(40).started, [0, 35]);
  });
  it("and a pause do not start what would have come after the end", () => {
    const trigger = { kind: "after", milliseconds: 60_000 } as const;
    const bench = new Bench({ trigger, endAt: T0 + 30_000 }).until(0);
    bench.until(5).end(0);
    bench.do({ kind: "schedule.pause" });
    bench.until(10).do({ kind: "schedule.resume" });
    assert.deepEqual(bench.until(100).started, [0]);
  });
  it("to another workflow withdraws what waited", () => {
    const bench = new Bench({ overlap: "bufferAll" }).until(20);
    bench.put({ ...SPEC, workflow: { namespace: "shop", name: "other" } }, "update");
    assert.deepEqual(bench.record, ["20 withdrawn"]);
  });
  it("takes back what is listened for, also when the schedule is over", () => {
    const strategy = { one: { with: { type: "made" } } };
    const trigger = { kind: "on", strategy, read: "data" } as const;
    for (const kind of ["schedule.pause", "schedule.delete"] as const) {
      const bench = new Bench({ trigger, endAt: T0 + 1_000 }).until(5);
      assert.deepEqual(bench.do({ kind }).listens, []);
    }
  });
  it("refuses to make what is there, and to change what is not", () => {
    const bench = new Bench();
    assert.equal(bench.put(SPEC, "create").answer.kind, "conflict");
    bench.state = undefined;
    assert.equal(bench.put(SPEC, "update").answer.kind, "missing");
  });
  it("deletes, with a word on what waited", () => {
    const bench = new Bench({ overlap: "bufferAll" }).until(20);
    bench.do({ kind: "schedule.delete" });
    assert.equal(bench.state, undefined);
    assert.deepEqual(bench.record, ["20 withdrawn"]);
  });
});
