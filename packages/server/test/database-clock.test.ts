import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../src/logger.ts";
import { databaseClock } from "../src/runtime/database-clock.ts";

test("a machine whose clock runs fast is never ahead of the database, nor far behind", async () => {
  let now = 1_000_000;
  let monotonic = 5;
  const pass = (ms: number): void => {
    now += ms;
    monotonic += ms * 1.0004;
  };
  const read = async (): Promise<number> => {
    pass(2);
    const given = now;
    pass(3);
    return given;
  };
  const clock = {
    now: () => 0,
    monotonic: () => monotonic,
    after: () => () => {},
    defer: () => {},
  };
  const database = await databaseClock(read, clock, silentLogger, () => 0);
  for (let reading = 0; reading < 20; reading += 1) {
    for (let step = 0; step < 50; step += 1) {
      pass(100);
      assert.ok(database.now() <= now, `${database.now() - now} ms ahead`);
      assert.ok(database.now() >= now - 10, `${now - database.now()} ms behind`);
    }
    await database.service.runOnce();
  }
});

test("it does not go back when its best reading is too old to count and the others took longer", async () => {
  let time = 1000;
  let way = 0;
  let answered = (): void => {};
  const read = async (): Promise<number> => {
    const given = time;
    time += way;
    answered();
    return given;
  };
  const clock = { now: () => 0, monotonic: () => time, after: () => () => {}, defer: () => {} };
  const database = await databaseClock(read, clock, silentLogger, () => 0);
  way = 500;
  let before = 0;
  answered = () => (before = database.now());
  for (let reading = 0; reading < 20; reading += 1) {
    await database.service.runOnce();
    assert.ok(before > 0 && database.now() >= before, `${before - database.now()} ms back`);
  }
});
