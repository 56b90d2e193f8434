/** Schedules by events on a real database: from `POST /v1/events` to the instance. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { RunningRuntime } from "@millrace/server";
import type { TestDatabase } from "@millrace/testkit";
import type { CloudEventObject } from "../src/runtime.ts";
import { readSpec } from "../src/scheduler/read-spec.ts";
import { document, fresh, open } from "./harness.ts";

const ECHO = `${document("echo")}
do: [ { give: { set: "\${ { got: . } }" } } ]`;
const BY_DEFINITION = `${document("by-definition")}
schedule: { on: { one: { with: { type: made } } } }
do: [ { give: { set: "\${ { got: . } }" } } ]`;

describe("schedules by events", () => {
  let database: TestDatabase;
  let opened: RunningRuntime;
  before(async () => {
    ({ database, opened } = await fresh([ECHO, BY_DEFINITION]));
  });
  after(async () => {
    await opened.stop();
    await database.drop();
  });

  const event = (id: string, type: string, data: object): CloudEventObject =>
    ({ specversion: "1.0", id, source: "/test", type, data }) as CloudEventObject;

  /** What the instances of a schedule gave, the oldest first, when there are so many. */
  async function outputs(name: string, many: number): Promise<readonly unknown[]> {
    for (;;) {
      const { items } = await opened.schedules.listDecisions({ name, limit: 100 });
      if (items.length >= many) {
        const ids = items.toReversed().map(({ instanceId }) => String(instanceId));
        const got: unknown[] = [];
        for (const id of ids) {
          const view = await opened.runtime.waitInstance(id, 10_000).catch(() => undefined);
          if (view?.status === "completed") got.push((view.output as { got: unknown }).got);
        }
        if (got.length >= many) return got;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it("start an instance for each event, and one for an event that comes twice", async () => {
    const name = "test.by-definition";
    const first = event("1", "made", { n: 1 });
    await opened.runtime.publishEvents([first, event("2", "other", {}), first]);
    await opened.runtime.publishEvents([first, event("3", "made", { n: 2 })]);
    assert.deepEqual(await outputs(name, 2), [[{ n: 1 }], [{ n: 2 }]]);
  });

  it("gather what belongs together, also over a restart of the server", async () => {
    const filter = (type: string) => ({
      with: { type },
      correlate: { order: { from: ".data.order" } },
    });
    const spec = readSpec({
      workflow: { namespace: "test", name: "echo" },
      on: { all: [filter("paid"), filter("packed")] },
    });
    await opened.schedules.createSchedule({ name: "orders", spec });
    await opened.runtime.publishEvents([event("a", "paid", { order: 1 })]);
    await opened.runtime.publishEvents([event("b", "packed", { order: 2 })]);
    await opened.stop();
    opened = await open(database);
    await opened.runtime.publishEvents([event("c", "packed", { order: 1 })]);
    assert.deepEqual(await outputs("orders", 1), [[{ order: 1 }, { order: 1 }]]);
    await opened.runtime.publishEvents([event("d", "paid", { order: 2 })]);
    assert.deepEqual(await outputs("orders", 2), [
      [{ order: 1 }, { order: 1 }],
      [{ order: 2 }, { order: 2 }],
    ]);
  });
});
