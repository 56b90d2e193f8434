/** Schedules by events: which events start what, without a database. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TraceContext } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import { decideSchedule } from "../src/scheduler/decide.ts";
import type { ScheduleDecided } from "../src/scheduler/decided.ts";
import { calendar } from "../src/scheduler/calendar.ts";
import { DEFAULTS, type ScheduleCommand, type ScheduleSpec } from "../src/scheduler/schedule.ts";
import { MOST_GROUPS } from "../src/scheduler/on.ts";

const T0 = 1_700_000_000_000;

/** A schedule by this strategy, and the inputs it has started instances with. */
class Listening {
  state: ScheduleDecided["state"];
  readonly inputs: (Json | undefined)[] = [];
  readonly traces: (TraceContext | undefined)[] = [];
  listens: number | undefined;
  #seq = 0;

  constructor(strategy: JsonObject, more: Partial<ScheduleSpec> = {}) {
    const trigger = { kind: "on", strategy, read: "data" } as const;
    const workflow = { namespace: "shop", name: "ship" };
    const spec: ScheduleSpec = {
      ...DEFAULTS,
      overlap: "allow",
      workflow,
      input: {},
      trigger,
      ...more,
    };
    const named = { tenant: "default", name: "n", source: "api", token: "t" } as const;
    this.do({ kind: "schedule.put", ...named, spec, mode: "create" });
  }

  do(command: ScheduleCommand): ScheduleDecided {
    const decided = decideSchedule("0000000000000000000000000A", this.state, command, {
      now: T0,
      times: calendar,
    });
    this.state = decided.state;
    if (decided.listens !== undefined) this.listens = decided.listens.length;
    for (const { occasion } of decided.starts ?? []) {
      this.inputs.push(occasion.input);
      this.traces.push(occasion.trace);
    }
    return decided;
  }

  /** @returns whether it was taken */
  event(type: string, data: Json, extensions: JsonObject = {}): boolean {
    this.#seq += 1;
    const event = {
      specversion: "1.0",
      id: `${this.#seq}`,
      source: "/test",
      type,
      data,
      ...extensions,
    };
    return this.do({ kind: "event.delivered", seq: this.#seq, event }).answer.kind === "done";
  }
}

describe("schedule.on", () => {
  const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";

  it("the instance goes on with the trace of the event that starts it", () => {
    const on = new Listening({ one: { with: { type: "a" } } });
    on.event("a", 1, { traceparent: PARENT, tracestate: "vendor=1" });
    on.event("a", 2, { traceparent: "not one" });
    on.event("a", 3, { tracestate: "vendor=1" });
    const first = { traceparent: PARENT, tracestate: "vendor=1" };
    assert.deepEqual(on.traces, [first, undefined, undefined]);
  });

  it("the trace of a set of events is the last that one of them has, also when the set waits", () => {
    const on = new Listening(
      { all: [{ with: { type: "a" } }, { with: { type: "b" } }, { with: { type: "c" } }] },
      { overlap: "bufferAll" },
    );
    const set = (...traceparents: readonly string[]): void => {
      for (const [index, type] of ["a", "b", "c"].entries()) {
        const traceparent = traceparents[index] ?? "";
        on.event(type, index, traceparent === "" ? {} : { traceparent });
      }
    };
    set(PARENT, OTHER);
    assert.deepEqual(on.traces, [{ traceparent: OTHER }]);
    set("", "", PARENT);
    const [waiting] = on.state?.buffer ?? [];
    assert.deepEqual(waiting?.trace, { traceparent: PARENT });
  });

  it("one: every event that passes starts an instance with it", () => {
    const on = new Listening({ one: { with: { type: "a" } } });
    assert.equal(on.listens, 1);
    assert.equal(on.event("a", 1), true);
    assert.equal(on.event("b", 2), false);
    on.event("a", 3);
    assert.deepEqual(on.inputs, [[1], [3]]);
  });

  it("all: events that belong together start one, whatever comes in between", () => {
    const filter = (type: string): JsonObject => ({
      with: { type },
      correlate: { order: { from: ".data.order" } },
    });
    const on = new Listening({ all: [filter("paid"), filter("packed")] });
    on.event("paid", { order: 1 });
    on.event("packed", { order: 2 });
    on.event("paid", { order: 1, again: true });
    assert.deepEqual(on.inputs, []);
    on.event("packed", { order: 1 });
    on.event("paid", { order: 2 });
    on.event("packed", { order: 1 });
    assert.deepEqual(on.inputs, [
      [{ order: 1 }, { order: 1 }],
      [{ order: 2 }, { order: 2 }],
      [{ order: 1, again: true }, { order: 1 }],
    ]);
    assert.equal(on.state?.groups, undefined);
  });

  it("any until a condition: events are gathered", () => {
    const on = new Listening({ any: [{ with: { type: "a" } }], until: "${ length == 3 }" });
    for (const n of [1, 2, 3, 4]) on.event("a", n);
    assert.deepEqual(on.inputs, [[1, 2, 3]]);
  });

  it("any until a condition that cannot be evaluated goes on", () => {
    const on = new Listening({ any: [{ with: { type: "a" } }], until: "${ error }" });
    assert.equal(on.event("a", 1), true);
    assert.deepEqual(on.inputs, []);
  });

  it("any until an event: that one is not among them", () => {
    const until = { one: { with: { type: "stop" } } };
    const on = new Listening({ any: [{ with: { type: "a" } }], until });
    on.event("a", 1);
    on.event("a", 2);
    on.event("stop", 0);
    assert.deepEqual(on.inputs, [[1, 2]]);
  });

  it("listens to nothing while it is paused, and takes nothing", () => {
    const on = new Listening({ one: { with: { type: "a" } } });
    on.do({ kind: "schedule.pause" });
    assert.equal(on.listens, 0);
    assert.equal(on.event("a", 1), false);
    on.do({ kind: "schedule.resume" });
    assert.equal(on.listens, 1);
    assert.equal(on.event("a", 2), true);
    on.do({ kind: "schedule.delete" });
    assert.equal(on.listens, 0);
  });

  it("gives up the oldest of too many sets that are not complete", () => {
    const filter = (type: string): JsonObject => ({
      with: { type },
      correlate: { order: { from: ".data" } },
    });
    const on = new Listening({ all: [filter("paid"), filter("packed")] });
    for (let n = 0; n <= MOST_GROUPS; n += 1) on.event("paid", n);
    assert.equal(on.state?.groups?.length, MOST_GROUPS);
    on.event("packed", 0);
    assert.deepEqual(on.inputs, []);
    on.event("packed", 2);
    assert.deepEqual(on.inputs, [[2, 2]]);
  });
});
