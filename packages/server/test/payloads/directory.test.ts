import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { createDatabase } from "@millrace/testkit";
import {
  chunked,
  hanging,
  isWhole,
  KIB,
  MIB,
  mountCuttable,
  mountSmallDisk,
  randomBody,
  readAll,
  sha256,
  testBlobStore,
  unprivilegedUser,
} from "@millrace/testkit/payloads";
import pg from "pg";
import {
  BlobError,
  type BlobErrorKind,
  type BlobStore,
  newKey,
} from "../../src/payloads/blob-store.ts";
import { openDirectoryStore } from "../../src/payloads/directory/index.ts";
import { folderRegistry } from "../../src/store/postgres/payload-folder.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { CHILD, directoryStand, openPrepared, registryOf } from "./directory-stand.ts";

testBlobStore("the directory", {
  open: directoryStand,
  borders: [MIB],
  holds: 8 * MIB,
});

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-directory-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A file system of its own, gone after the test. */
function newDisk<T extends { unmount(): void }>(
  t: TestContext,
  mount: (folder: string, megabytes: number) => T | undefined,
  megabytes: number,
): T | undefined {
  const folder = mkdtempSync(join(tmpdir(), "millrace-disk-"));
  const disk = mount(folder, megabytes);
  t.after(() => {
    disk?.unmount();
    rmSync(folder, { recursive: true });
  });
  return disk;
}

const isBlobError = (kind: BlobErrorKind, message: RegExp) => (error: unknown) =>
  error instanceof BlobError && error.kind === kind && message.test(error.message);

test("a blob is a file under its key that only the server's user may read", async (t) => {
  const folder = join(newFolder(t), "payloads");
  const store = await openPrepared(folder);
  const key = newKey();
  await store.put(key, chunked(randomBody(100)));
  const fan = join(folder, key.slice(0, 2));
  assert.deepEqual(readdirSync(fan), [key]);
  assert.deepEqual(readdirSync(join(folder, "partial")), []);
  assert.equal(statSync(join(fan, key)).mode & 0o777, 0o600);
  for (const each of [folder, fan]) assert.equal(statSync(each).mode & 0o777, 0o700);
});

test("a blob is never overwritten", async (t) => {
  const store = await openPrepared(newFolder(t));
  const [key, bytes] = [newKey(), randomBody(MIB)];
  await store.put(key, chunked(bytes));
  const again = store.put(key, chunked(randomBody(MIB)));
  await assert.rejects(again, isBlobError("refused", /there is a blob with the key/));
  // Also while the first is under way.
  const other = newKey();
  const { body, hangs, finish } = hanging(randomBody(10));
  const first = store.put(other, body);
  await hangs;
  await assert.rejects(store.put(other, chunked(bytes)), isBlobError("refused", /there is a blob/));
  finish();
  await first;
  const stream = await store.get(key);
  assert.ok(stream !== undefined && (await readAll(stream)).equals(bytes));
});

test("what others put into the folder is no blob", async (t) => {
  const folder = newFolder(t);
  const store = await openPrepared(folder);
  const key = newKey();
  await store.put(key, chunked(randomBody(10)));
  const fan = key.slice(0, 2);
  mkdirSync(join(folder, "lost+found"));
  mkdirSync(join(folder, fan, `${fan}${"0".repeat(30)}`));
  for (const name of ["README", `${fan}/note.txt`, `${fan}/${"f".repeat(31)}`])
    writeFileSync(join(folder, name), "mine");
  const found: string[] = [];
  for await (const blob of store.list()) found.push(blob.key);
  assert.deepEqual(found, [key]);
});

test("a large upload is flushed on the way, and comes back as it went", async (t) => {
  const store = await openPrepared(newFolder(t));
  const [key, bytes] = [newKey(), randomBody(140 * MIB)];
  await store.put(key, chunked(bytes));
  const stream = await store.get(key);
  assert.ok(stream !== undefined);
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  assert.equal(hash.digest("hex"), sha256(bytes));
});

test("a file that was cut off under a reader fails it, and does not end early", async (t) => {
  const folder = newFolder(t);
  const store = await openPrepared(folder);
  const key = newKey();
  await store.put(key, chunked(randomBody(20 * MIB)));
  const stream = await store.get(key);
  assert.ok(stream !== undefined);
  truncateSync(join(folder, key.slice(0, 2), key), 9 * MIB);
  await assert.rejects(readAll(stream), isBlobError("unavailable", /the file ends at byte/));
});

test("a full disk is told, leaves nothing, and reading goes on", async (t) => {
  const disk = newDisk(t, mountSmallDisk, 24);
  if (disk === undefined) return t.skip("a small disk needs root on Linux");
  const payloads = join(disk.folder, "payloads");
  const registry = registryOf();
  const store = await openPrepared(payloads, registry);
  const [key, bytes] = [newKey(), randomBody(MIB)];
  await store.put(key, chunked(bytes));
  const isFull = isBlobError("unavailable", /ENOSPC/);
  await assert.rejects(store.put(newKey(), chunked(randomBody(40 * MIB))), isFull);
  disk.fill();
  for (const size of [MIB, 100 * KIB, 1])
    await assert.rejects(store.put(newKey(), chunked(randomBody(size))), isFull);
  assert.deepEqual(readdirSync(join(payloads, "partial")), []);
  const again = await openPrepared(payloads, registry);
  const stream = await again.get(key);
  assert.ok(stream !== undefined && (await readAll(stream)).equals(bytes));
  await store.delete(key);
  disk.free();
  await store.put(newKey(), chunked(bytes));
});

test("a body that hangs does not hide that the disk failed", async (t) => {
  const disk = newDisk(t, mountSmallDisk, 8);
  if (disk === undefined) return t.skip("a small disk needs root on Linux");
  const store = await openPrepared(disk.folder);
  disk.fill();
  const { body, released } = hanging(randomBody(MIB));
  await assert.rejects(store.put(newKey(), body), isBlobError("unavailable", /ENOSPC/));
  await released;
});

test("a folder that the server may not write in is refused, and why", async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, "file"), "");
  const prepare = (path: string) =>
    openDirectoryStore({ folder: path, registry: registryOf() }).prepare();
  const file = prepare(join(folder, "file"));
  await assert.rejects(file, isBlobError("refused", /that is not a folder \(EEXIST\)/));
  const inFile = prepare(join(folder, "file", "payloads"));
  await assert.rejects(inFile, isBlobError("refused", /is not a folder \(ENOTDIR\)/));
  const user = unprivilegedUser();
  chmodSync(folder, 0o500);
  if (user !== undefined) process.seteuid?.(user.uid);
  try {
    const closed = isBlobError(
      "refused",
      /may not write there: change its owner or mode \(EACCES\)/,
    );
    await assert.rejects(prepare(join(folder, "payloads")), closed);
  } finally {
    if (user !== undefined) process.seteuid?.(0);
    chmodSync(folder, 0o700);
  }
});

test("a folder of another database, or of another machine's servers, is refused", async (t) => {
  const [mine, other] = [newFolder(t), newFolder(t)];
  const registry = registryOf();
  await openPrepared(mine, registry);
  const foreign = openPrepared(mine, registryOf());
  await assert.rejects(foreign, isBlobError("refused", /the payloads of another database/));
  // The same database, and a folder that is as good as new: its disk is not mounted, or it is on another machine.
  const lost = isBlobError("unavailable", /mount the disk, or restore/);
  await assert.rejects(openPrepared(other, registry), lost);
  assert.deepEqual(readdirSync(other), []);
});

test("of two servers that start with a folder each, the second is refused and leaves its folder as it was", async (t) => {
  const [mine, other] = [newFolder(t), newFolder(t)];
  const registry = registryOf();
  // It asks before the first has registered its folder.
  const { database } = await registry.known();
  const late = { ...registry, known: async () => ({ database, folder: undefined }) };
  await openPrepared(mine, registry);
  const second = openPrepared(other, late);
  await assert.rejects(second, isBlobError("refused", /configure a store that servers can share/));
  assert.deepEqual(readdirSync(other), []);
});

test("servers that start at the same time on the same folder agree whose it is", async (t) => {
  const folder = newFolder(t);
  const registry = registryOf();
  const stores = await Promise.all([1, 2, 3, 4].map(() => openPrepared(folder, registry)));
  const key = newKey();
  await stores[0]?.put(key, chunked(randomBody(10)));
  for (const store of stores) {
    const stream = await store.get(key);
    assert.ok(stream !== undefined && (await readAll(stream)).length === 10);
  }
});

test("a damaged marker is refused", async (t) => {
  const folder = newFolder(t);
  const registry = registryOf();
  await openPrepared(folder, registry);
  for (const text of ["", "{", '{"folder":1}', "null"]) {
    writeFileSync(join(folder, "millrace-payloads.json"), text);
    await assert.rejects(openPrepared(folder, registry), isBlobError("refused", /is damaged/));
  }
});

test("PostgreSQL knows itself and its folder", async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await migrate(client);
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const registry = folderRegistry(() => pool);
  const before = await registry.known();
  assert.equal(before.folder, undefined);
  const ids = await Promise.all(["a", "b", "c"].map((id) => registry.register(id)));
  assert.equal(new Set(ids).size, 1);
  assert.deepEqual(await registry.known(), { ...before, folder: ids[0] });
  await pool.end();
  await client.end();
  await database.drop();
});

/** Uploads without end in a process of its own; `strike` is called when so many have succeeded. @returns digests by key */
async function loadUntil(
  folder: string,
  wanted: number,
  strike: (kill: () => void) => void,
): Promise<ReadonlyMap<string, string>> {
  const child = spawn(process.execPath, [CHILD, folder, "load"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  const done = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = "", digest = ""] = line.split(" ");
    done.set(key, digest);
    if (done.size === wanted) strike(() => child.kill("SIGKILL"));
  }
  await exited;
  return done;
}

/** What succeeded is there, and everything that is there is whole; all of it is deleted. */
async function judgeAndClear(
  folder: string,
  store: BlobStore,
  done: ReadonlyMap<string, string>,
): Promise<void> {
  const found = new Set<string>();
  for await (const { key, size } of store.list()) {
    const bytes = readFileSync(join(folder, key.slice(0, 2), key));
    assert.ok(isWhole(bytes) && bytes.length === size, `${key}, ${size} bytes, is not whole`);
    if (done.has(key)) assert.equal(sha256(bytes), done.get(key));
    found.add(key);
    await store.delete(key);
  }
  for (const key of done.keys()) assert.ok(found.has(key), `${key} is lost`);
  await store.tidy(0);
  assert.deepEqual(readdirSync(join(folder, "partial")), []);
}

test("whatever the moment of a SIGKILL, what succeeded is there, and what is there is whole", async (t) => {
  const folder = newFolder(t);
  const store = await openPrepared(folder);
  for (let round = 0; round < 3; round++) {
    const done = await loadUntil(folder, 40 + round * 100, (kill) => kill());
    await judgeAndClear(folder, store, done);
  }
});

test("whatever the moment of a power failure, what succeeded is there, and what is there is whole", async (t) => {
  const disk = newDisk(t, mountCuttable, 512);
  if (disk === undefined) return t.skip("needs root on Linux, a loop device, mkfs.ext4 and Perl");
  const folder = join(disk.folder, "payloads");
  const registry = registryOf();
  for (let round = 0; round < 4; round++) {
    const store = await openPrepared(folder, registry);
    const done = await loadUntil(folder, 20 + round * 30, () => disk.cut());
    disk.powerOn();
    await judgeAndClear(folder, store, done);
  }
});
