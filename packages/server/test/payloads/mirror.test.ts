/** A second copy: kept with the first, read when that is damaged or gone, and what it is written anew from. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bytesOf, digestOf, inPieces, payloadsSuite } from "@millrace/testkit/payloads-suite";
import { PayloadError } from "../../src/payloads/payloads.ts";
import { type PayloadStand, payloadStand } from "./payload-stand.ts";

const SIZES = [20, 60_000];
const MIRRORED = {
  MILLRACE_PAYLOAD_STORES: "database<64KiB",
  MILLRACE_PAYLOAD_MIRROR: "directory",
};
let stand: PayloadStand;
before(async () => {
  stand = await payloadStand(SIZES, MIRRORED);
});
after(() => stand.stop());

payloadsSuite("database and its mirror", SIZES, () => stand);

/** Overwrites the body in the database. */
async function damageRow({ pool }: PayloadStand, digest: string): Promise<void> {
  await pool.query("UPDATE payloads SET body = 'something else' WHERE digest = decode($1, 'hex')", [
    digest,
  ]);
}

async function files(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile() && /^[0-9a-f]{32}$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The file of the store that has these bytes. */
async function fileOf({ folder }: PayloadStand, bytes: Buffer): Promise<string> {
  for (const file of await files(folder)) if ((await readFile(file)).equals(bytes)) return file;
  throw new Error("no file has these bytes");
}

const rejectedAs = (kind: string) => (error: unknown) =>
  error instanceof PayloadError && error.kind === kind;

test("a row that was damaged is read from the mirror, and right again afterwards", async () => {
  const bytes = randomBytes(500);
  const { digest } = await (await stand.fresh()).keep("a", bytes);
  await damageRow(stand, digest);
  const service = await stand.fresh();
  assert.ok((await service.read("a", digest))?.bytes.equals(bytes));
  await service.settled();
  assert.equal(service.figures.repaired, 1);
  const { rows } = await stand.pool.query(
    "SELECT body FROM payloads WHERE digest = decode($1, 'hex')",
    [digest],
  );
  assert.ok(rows[0].body.equals(bytes));
  assert.ok(
    stand.logged.some(({ message }) => message === "a damaged copy of a payload was written anew"),
  );
});

test("verify finds a mirror that lost its bytes, and one that is damaged, and mends both", async () => {
  const bytes = randomBytes(700);
  const service = await stand.fresh();
  const { digest } = await service.keep("a", bytes);
  await rm(await fileOf(stand, bytes));
  const first = await service.verify("a", digest);
  assert.deepEqual(first?.copies, [
    { store: "database", state: "right" },
    { store: "directory", state: "repaired" },
  ]);
  await writeFile(await fileOf(stand, bytes), "other");
  assert.equal((await service.verify("a", digest))?.copies[1]?.state, "repaired");
  const states = (await service.verify("a", digest))?.copies.map(({ state }) => state);
  assert.deepEqual(states, ["right", "right"]);
});

test("when both copies are damaged the error names the payload, it is logged and counted, and putting it again mends both", async () => {
  const bytes = randomBytes(800);
  const { digest } = await (await stand.fresh()).keep("a", bytes);
  await damageRow(stand, digest);
  await writeFile(await fileOf(stand, bytes), "other");
  const service = await stand.fresh();
  await assert.rejects(service.read("a", digest), (error: unknown) => {
    return rejectedAs("corrupt")(error) && (error as PayloadError).message.includes(digest);
  });
  assert.equal(service.figures.corrupt, 1);
  assert.ok(
    stand.logged.some(
      ({ level, message }) => level === "error" && message === "a payload is damaged or missing",
    ),
  );
  const copies = (await service.verify("a", digest))?.copies;
  assert.deepEqual(
    copies?.map(({ state }) => state),
    ["damaged", "damaged"],
  );
  assert.equal(service.figures.corrupt, 2, "once for each time that it was looked for");
  assert.equal((await service.keep("a", bytes)).created, false);
  assert.ok((await (await stand.fresh()).read("a", digest))?.bytes.equals(bytes));
  assert.deepEqual(
    (await service.verify("a", digest))?.copies.map(({ state }) => state),
    ["right", "right"],
  );
});

test("without a mirror, a damaged row and a damaged file are errors; of a stream the last bytes do not come", async () => {
  const alone = await payloadStand([], { MILLRACE_PAYLOAD_STORES: "database<1KiB,directory" });
  try {
    const [small, large] = [randomBytes(100), randomBytes(1_500_000)];
    const writer = await alone.fresh();
    for (const bytes of [small, large]) await writer.keep("a", inPieces(bytes));
    await damageRow(alone, digestOf(small));
    const file = await fileOf(alone, large);
    const wrong = Buffer.from(large);
    wrong[0]! ^= 1;
    await writeFile(file, wrong);
    const service = await alone.fresh();
    await assert.rejects(service.read("a", digestOf(small)), rejectedAs("corrupt"));
    const open = await service.open("a", digestOf(large));
    let came = 0;
    open!.body.on("data", (chunk: Buffer) => (came += chunk.length));
    await assert.rejects(
      new Promise((_, reject) => open!.body.on("error", reject)),
      rejectedAs("corrupt"),
    );
    assert.ok(came < large.length, "not all of it came");
    await rm(file);
    await assert.rejects(service.open("a", digestOf(large)), rejectedAs("missing"));
    assert.ok(service.figures.corrupt >= 3);
    // Putting it again is a repair as well.
    await service.keep("a", inPieces(large));
    const again = await service.open("a", digestOf(large));
    assert.ok((await bytesOf(again!.body)).equals(large));
  } finally {
    await alone.stop();
  }
});
