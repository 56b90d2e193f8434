/** Open activities: in the instance's row, apart when they are many or large, delivered again to the next owner. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { newId } from "@millrace/protocol";
import { type Bench, bench, submit } from "./owner-harness.ts";

const document = (name: string): string =>
  `document: { dsl: '1.0.3', namespace: test, name: ${name}, version: '1.0.0' }`;
const CALL = "{ call: http, with: { method: get, endpoint: 'http://localhost/' } }";
const ONE = `${document("one")}\ndo: [ { a: ${CALL} } ]`;
const forkOf = (branches: number): string => `${document("many")}
do:
  - f:
      fork:
        branches:
${Array.from({ length: branches }, (_, n) => `          - b${n}: ${CALL}`).join("\n")}
`;
const LARGE = `${document("large")}
do: [ { a: { call: http, with: { method: post, endpoint: 'http://localhost/', body: '\${ [range(2000)] }' } } } ]`;
const FORGOTTEN = `${document("forgotten")}
do: [ { a: { run: { shell: { command: ls }, await: false } } } ]`;

async function begin({ owner }: Bench, name: string): Promise<string> {
  const instanceId = newId(1, Date.now(), randomBytes(10));
  const workflow = { tenant: "default", namespace: "test", name, version: "1.0.0" };
  const command = { kind: "start", instanceId, input: {} } as const;
  await submit(owner, { instanceId, partition: 1, command, start: { workflow } });
  return instanceId;
}
const delivered = ({ letOut }: Bench): string[] =>
  letOut.flatMap(({ deliveries }) =>
    deliveries.map(({ activityId, attempt }) => `${activityId}#${attempt}`),
  );
const apart = async ({ pool }: Bench): Promise<number> =>
  (await pool.query("SELECT count(*)::int AS n FROM activities")).rows[0].n;
const answer = (b: Bench, instanceId: string, id: string) =>
  submit(b.owner, {
    instanceId,
    partition: 1,
    command: { kind: "activity.completed", activityId: id, output: id },
    activity: { partition: 1, instanceId, id },
  });
const redeliver = (b: Bench, instanceId: string) =>
  submit(b.owner, { instanceId, partition: 1, command: { kind: "redeliver" } });

test("an open activity stands in its instance's row and goes with its result", async () => {
  const b = await bench([ONE]);
  const id = await begin(b, "one");
  const [activity = ""] = delivered(b);
  assert.match(activity, /#1$/);
  assert.equal(await apart(b), 0);
  assert.deepEqual(await b.store.withActivities([1], "", 10), [id]);
  assert.deepEqual(await b.store.withActivities([0, 2, 3], "", 10), []);
  const { kind, state } = await answer(b, id, activity.slice(0, -2));
  assert.deepEqual([kind, state?.status], ["applied", "completed"]);
  assert.deepEqual(await b.store.withActivities([1], "", 10), []);
  assert.equal((await b.store.loadInstances([id]))[0]?.activities, undefined);
  await b.close();
});

test("the next owner delivers it again, one attempt higher, and only once", async () => {
  const b = await bench([ONE]);
  const id = await begin(b, "one");
  assert.equal((await redeliver(b, id)).kind, "ignored");
  await b.take();
  assert.equal((await redeliver(b, id)).kind, "applied");
  assert.equal((await redeliver(b, id)).kind, "ignored");
  const [first = "", second = "", ...more] = delivered(b);
  assert.deepEqual([second, more], [first.replace("#1", "#2"), []]);
  assert.match((await b.store.loadInstances([id]))[0]?.activities ?? "", /"attempt":2/);
  const { state } = await answer(b, id, first.slice(0, -2));
  assert.equal(state?.status, "completed");
  await b.close();
});

test("more than a row has room for are rows of their own, and end as well", async () => {
  const b = await bench([forkOf(20)]);
  const id = await begin(b, "many");
  const all = delivered(b);
  assert.equal(new Set(all).size, 20);
  assert.equal(await apart(b), 4);
  for (const each of all.toReversed()) await answer(b, id, each.slice(0, -2));
  assert.equal((await b.store.loadInstances([id]))[0]?.status, "completed");
  assert.equal(await apart(b), 0);
  await b.close();
});

test("a large one is a row of its own, which a cancelled instance takes along", async () => {
  const b = await bench([LARGE]);
  const id = await begin(b, "large");
  assert.equal(await apart(b), 1);
  assert.equal(delivered(b).length, 1);
  await submit(b.owner, { instanceId: id, partition: 1, command: { kind: "cancel" } });
  assert.equal(await apart(b), 0);
  assert.equal(b.letOut.flatMap(({ cancelled }) => cancelled).length, 1);
  await b.close();
});

test("what nobody waits for outlives its instance, until it has its result", async () => {
  const b = await bench([FORGOTTEN]);
  const id = await begin(b, "forgotten");
  assert.equal((await b.store.loadInstances([id]))[0]?.status, "completed");
  const [activity = "", ...more] = delivered(b);
  assert.deepEqual([activity.slice(-2), more], ["#1", []]);
  assert.equal(await apart(b), 1);
  assert.equal((await answer(b, id, activity.slice(0, -2))).kind, "ignored");
  assert.equal(await apart(b), 0);
  await b.close();
});
