/** The sweeper as a service: passes over a real database and a real folder. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Logger } from "../../src/logger.ts";
import { exposition } from "../../src/observe/families.ts";
import { sweeperFamilies } from "../../src/observe/sweeper-metrics.ts";
import { newKey } from "../../src/payloads/blob-store.ts";
import { payloadSweeper, type SweeperConfig } from "../../src/payloads/sweeper.ts";
import { postgresSweepStore } from "../../src/store/postgres/payload-sweep-store.ts";
import { type DirectoryStand, directoryStand } from "./directory-stand.ts";
import {
  catalogued,
  HOUR,
  id,
  instance,
  mentioning,
  openStand,
  payload,
  reference,
  type Stand,
} from "./sweep-stand.ts";

let stand: Stand;
let folder: DirectoryStand;
before(async () => {
  stand = await openStand();
  folder = await directoryStand();
});
after(async () => {
  await folder.close();
  await stand.end();
});
beforeEach(() => stand.clear());

const blob = async (text: string): Promise<string> => {
  const key = newKey();
  await folder.store.put(key, bodyOf(text));
  return key;
};
async function* bodyOf(text: string) {
  yield Buffer.from(text);
}
const blobs = async (): Promise<readonly string[]> => {
  const keys: string[] = [];
  for await (const { key } of folder.store.list()) keys.push(key);
  return keys.toSorted();
};

interface Line {
  readonly level: "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}
function listening(): { readonly log: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const at =
    (level: Line["level"]) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields: fields as Line["fields"], message });
  return { lines, log: { debug() {}, info() {}, warn: at("warn"), error: at("error") } };
}
/** Its time stands still until it is moved. */
function settable(): { readonly clock: Clock; readonly move: (ms: number) => void } {
  let now = 0;
  const clock = { ...systemClock(), monotonic: () => now };
  return { clock, move: (ms) => (now += ms) };
}

const { log } = listening();
const sweeperOf = (more: Partial<SweeperConfig> = {}) =>
  payloadSweeper({
    // What was deleted is gone from the stores at once.
    store: postgresSweepStore(stand.pool, 0),
    blobs: [folder.store],
    clock: settable().clock,
    log,
    random: Math.random,
    grace: HOUR,
    checkpoints: HOUR,
    ...more,
  });

test("a pass deletes what nobody needs, in the catalogue and in the store, and tells who had it in memory", async () => {
  const key = await blob("large");
  const gone = await payload(stand, "large", { at: ["directory", key] });
  const small = await payload(stand, "small");
  const kept = await payload(stand, "kept", { kept: true });
  const told: string[] = [];
  const sweeper = sweeperOf({ onSwept: (rows) => told.push(...rows.map(({ digest }) => digest)) });
  await sweeper.runOnce();
  assert.deepEqual(await catalogued(stand), [kept]);
  assert.deepEqual(await blobs(), []);
  assert.deepEqual(told.toSorted(), [gone, small].toSorted());
  const { payloads, bytes, leftovers, waiting } = sweeper.figures;
  assert.deepEqual(
    { payloads, bytes, leftovers, waiting },
    { payloads: 2, bytes: 10, leftovers: 1, waiting: 0 },
  );
});

test("references that stand for nothing go, and a grace period later what they referred to", async () => {
  const [old, held] = [await payload(stand, "old"), await payload(stand, "held")];
  const of = await instance(stand, { state: mentioning(held) });
  for (const digest of [old, held]) await reference(stand, of, digest);
  for (const kind of ["event", "checkpoint"])
    await reference(stand, kind === "event" ? id() : `${id()}/c`, old, kind);
  const sweeper = sweeperOf();
  await sweeper.runOnce();
  assert.equal(sweeper.figures.references, 3);
  assert.deepEqual(await catalogued(stand), [old, held].toSorted());
  await sweeper.runOnce();
  assert.deepEqual(await catalogued(stand), [held]);
  const { rows } = await stand.pool.query("SELECT holder, settled FROM payload_marks");
  assert.deepEqual(rows, [{ holder: of, settled: true }]);
});

test("more than a step or a pass takes is swept all the same", async () => {
  await stand.pool.query(
    `INSERT INTO payloads (tenant, digest, size, media_type, body, kept, created_at, touched_at)
     SELECT 'default', sha256(n::text::bytea), 1, 'text/plain', 'x', false, 1, n FROM generate_series(1, 3500) AS n`,
  );
  const [first, second] = [sweeperOf(), sweeperOf()];
  await Promise.all([first.runOnce(), second.runOnce()]);
  assert.deepEqual(await catalogued(stand), []);
  assert.equal(first.figures.payloads + second.figures.payloads, 3500);
});

test("a store that is away keeps nothing else from being swept, and is asked again later", async () => {
  const key = await blob("large");
  await payload(stand, "large", { at: ["directory", key] });
  const { lines, log: heard } = listening();
  const { clock, move } = settable();
  const sweeper = sweeperOf({ log: heard, clock });
  const bringBack = await folder.takeAway();
  await sweeper.runOnce();
  assert.deepEqual(await catalogued(stand), []);
  const { leftovers, waiting } = sweeper.figures;
  assert.deepEqual({ leftovers, waiting }, { leftovers: 0, waiting: 1 });
  assert.ok(lines.length > 0);
  assert.ok(lines.every(({ fields }) => fields["store"] === "directory"));
  await bringBack();
  // It was taken, and is due again when whoever took it must have ended.
  await stand.pool.query("UPDATE payload_leftovers SET due_at = 0");
  await sweeper.runOnce();
  assert.deepEqual(await blobs(), [key]);
  move(HOUR);
  await sweeper.runOnce();
  assert.deepEqual(await blobs(), []);
  assert.equal(sweeper.figures.leftovers, 1);
  assert.equal(sweeper.figures.waiting, 0);
});

test("what is left over in a store that this server does not have waits for one that has it", async () => {
  await payload(stand, "large", { at: ["s3", "key"] });
  const sweeper = sweeperOf();
  await sweeper.runOnce();
  const { rows } = await stand.pool.query("SELECT store, location FROM payload_leftovers");
  assert.deepEqual(rows, [{ store: "s3", location: "key" }]);
  assert.equal(sweeper.figures.waiting, 1);
});

test("blobs that nothing knows are said and counted once a day, and left alone", async () => {
  const known = await blob("known");
  await payload(stand, "known", { kept: true, at: ["directory", known] });
  const uploading = await blob("an upload that is about to end");
  await stand.pool.query(
    "INSERT INTO payload_leftovers VALUES ('directory', $1, now_ms() + 1000000)",
    [uploading],
  );
  const stray = await blob("stray");
  const { lines, log: heard } = listening();
  const sweeper = sweeperOf({ log: heard });
  await sweeper.runOnce();
  await sweeper.runOnce();
  assert.deepEqual(
    lines.map(({ fields: { store, blobs: many, bytes, keys } }) => ({ store, many, bytes, keys })),
    [{ store: "directory", many: 1, bytes: 5, keys: [stray] }],
  );
  assert.deepEqual(await blobs(), [known, uploading, stray].toSorted());
  const text = exposition(sweeperFamilies(sweeper.figures));
  assert.match(text, /^millrace_payload_unknown_blobs\{store="directory"\} 1$/m);
  for (const key of [known, uploading, stray]) await folder.store.delete(key);
});

test("a part that fails keeps no other from being done", async () => {
  const gone = await payload(stand, "gone");
  const store = postgresSweepStore(stand.pool, 0);
  const broken = new Error("the database is at fault");
  const { lines, log: heard } = listening();
  const sweeper = sweeperOf({
    log: heard,
    store: { ...store, expire: () => Promise.reject(broken) },
  });
  await sweeper.runOnce();
  assert.deepEqual(await catalogued(stand), []);
  assert.equal(sweeper.figures.payloads, 1);
  assert.deepEqual(
    lines.map(({ fields, message }) => [fields["err"], message]),
    [[broken, "a pass failed"]],
  );
  assert.ok(gone);
});
