/** The sweeper against uploads that take too long: transactions in every order. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Client } from "pg";
import type { Leftover } from "../../src/payloads/sweep-store.ts";
import { postgresCatalog } from "../../src/store/postgres/payload-catalog.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import { type Actor, Interleaver, poolOf, schedules, type Step } from "./interleave.ts";
import { digestOf, openStand, payload, type Stand, TENANT } from "./sweep-stand.ts";

const TEXT = "a value";
const KEY = { tenant: TENANT, digest: digestOf(TEXT) };

let stand: Stand;
let interleaver: Interleaver;
before(async () => {
  stand = await openStand();
  interleaver = new Interleaver(stand.url);
});
after(async () => {
  await interleaver.end();
  await stand.end();
});

const catalogOn = (client: Client) => postgresCatalog(() => poolOf(client));

/** Deletes what is left over: what it took is gone from the store by then. */
function clearer(taken: Leftover[]): Actor {
  const on = (client: Client) => postgresSweepStore(poolOf(client));
  const take: Step = async (client) => {
    await client.query("BEGIN");
    taken.push(...(await on(client).takeLeftovers(["s3", "directory"], 0, 10)));
  };
  const forget: Step = (client) => on(client).forgetLeftovers(taken);
  return { name: "sweeper", steps: [take, (client) => client.query("COMMIT"), forget] };
}

test("an upload that takes longer than it may does not end with bytes that are swept", async () => {
  const place = { store: "s3", location: "new" };
  const mirror = { store: "directory", location: "new, too" };
  const before: readonly (() => Promise<unknown>)[] = [
    async () => {},
    () => payload(stand, TEXT, { at: ["s3", "old"], mirror: ["directory", "old, too"] }),
  ];
  let [entered, lost] = [0, 0];
  for (const prepare of before)
    for (const schedule of schedules([2, 3])) {
      await stand.clear();
      await prepare();
      const taken: Leftover[] = [];
      const expect: Step = (client) => catalogOn(client).expect([place, mirror], 0);
      const enter: Step = (client) =>
        catalogOn(client).enter({ ...KEY, size: 7, mediaType: "x", kept: true, place, mirror });
      const uploader: Actor = { name: "uploader", steps: [expect, enter] };
      const outcome = await interleaver.run([uploader, clearer(taken)], schedule);
      assert.equal(outcome["sweeper"], undefined);
      const { rows } = await stand.pool.query(
        "SELECT location, mirror_location FROM payloads WHERE location = 'new'",
      );
      if (taken.length > 0) {
        lost += 1;
        assert.match(outcome["uploader"]?.message ?? "", /took so long/);
        assert.deepEqual(rows, []);
      } else {
        entered += 1;
        assert.equal(outcome["uploader"], undefined);
        assert.deepEqual(rows, [{ location: "new", mirror_location: "new, too" }]);
      }
    }
  assert.ok(entered > 0 && lost > 0, `${entered} entered, ${lost} lost`);
});

test("a copy that is written anew is not entered when its bytes are swept", async () => {
  const [from, to] = [
    { store: "s3", location: "old" },
    { store: "s3", location: "new" },
  ];
  for (const schedule of schedules([2, 3])) {
    await stand.clear();
    await payload(stand, TEXT, { at: ["s3", "old"] });
    const taken: Leftover[] = [];
    let repaired: boolean | undefined;
    const expect: Step = (client) => catalogOn(client).expect([to], 0);
    const repair: Step = async (client) => {
      repaired = await catalogOn(client).repair(KEY, from, to);
    };
    const mender: Actor = { name: "mender", steps: [expect, repair] };
    const outcome = await interleaver.run([mender, clearer(taken)], schedule);
    assert.deepEqual(outcome, { mender: undefined, sweeper: undefined });
    assert.equal(repaired, taken.length === 0);
    const { rows } = await stand.pool.query("SELECT location FROM payloads");
    assert.deepEqual(rows, [{ location: repaired ? "new" : "old" }]);
  }
});
