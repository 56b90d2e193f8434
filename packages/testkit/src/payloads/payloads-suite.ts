/**
 * What the service of payloads promises, whatever stores are behind it: run over the database alone, and over every store.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { type Digest, PayloadError, type Payloads } from "@millrace/server/payloads";

export interface PayloadsUnderTest {
  /** Another service over the same database and stores, with nothing in memory. */
  readonly fresh: () => Promise<Payloads>;
  /** Refers to the payload as an instance would, until it is asked to end. */
  readonly refer: (tenant: string, digest: Digest) => Promise<() => Promise<void>>;
  /** Sizes worth a test: one for each tier. */
  readonly sizes: readonly number[];
  /** The most that some store takes, where there is such a limit. */
  readonly limit?: number;
  /** Bytes that stores hold or expect, whether the catalogue knows them or not: none where an upload came to nothing. */
  readonly leftovers: () => Promise<number>;
}

export const digestOf = (bytes: Buffer): Digest => createHash("sha256").update(bytes).digest("hex");

/** In pieces of odd lengths. */
export async function* inPieces(bytes: Buffer, piece = 65_521): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

export async function bytesOf(body: Readable): Promise<Buffer> {
  return Buffer.concat((await body.toArray()) as Uint8Array[]);
}

/** Of the test's own: payloads of a byte or none are the same in every test. */
const tenant = (): string => `t-${randomBytes(6).toString("hex")}`;

const rejectedAs = (kind: string) => (error: unknown) =>
  error instanceof PayloadError && error.kind === kind;

type Subject = () => PayloadsUnderTest;

/** @param subject called within the tests, when it is there */
export function payloadsSuite(name: string, sizes: readonly number[], subject: Subject): void {
  for (const size of sizes) sized(`${name}, ${size} bytes`, size, subject);
  keeping(name, subject);
  tenancy(name, subject);
  values(name, subject);
  concurrency(name, subject);
}

function sized(name: string, size: number, subject: Subject): void {
  test(`${name}: what was put is read, whole and in part, here and by a server that has nothing in memory`, async () => {
    const a = tenant();
    const service = await subject().fresh();
    const bytes = randomBytes(size);
    const digest = digestOf(bytes);
    const kept = await service.keep(a, inPieces(bytes), { mediaType: "image/png", size });
    assert.deepEqual([kept.created, kept.digest, kept.size], [true, digest, size]);
    for (const reader of [service, await subject().fresh()]) {
      const open = await reader.open(a, digest);
      assert.ok(open);
      assert.deepEqual([open.mediaType, open.size, open.kept], ["image/png", size, true]);
      assert.ok((await bytesOf(open.body)).equals(bytes), "the bytes are the same");
      if (size > 2) {
        const range = { first: 1, last: size - 2 };
        const part = await reader.open(a, digest, range);
        assert.ok(part && (await bytesOf(part.body)).equals(bytes.subarray(1, size - 1)));
      }
      assert.equal((await reader.find(a, digest))?.store, kept.store);
    }
  });

  test(`${name}: what comes without its length, or in one piece, is the same payload`, async () => {
    const a = tenant();
    const service = await subject().fresh();
    const bytes = randomBytes(size);
    const first = await service.keep(a, inPieces(bytes));
    const second = await service.keep(a, bytes, { expected: digestOf(bytes) });
    assert.deepEqual([first.created, second.created], [true, false]);
    assert.equal(first.digest, second.digest);
    assert.equal((await service.verify(a, first.digest))?.copies[0]?.state, "right");
  });

  test(`${name}: a body with another digest than was said is refused, and nothing is left of it`, async () => {
    const a = tenant();
    const { fresh, leftovers } = subject();
    const service = await fresh();
    const [bytes, other] = [randomBytes(size), digestOf(randomBytes(9))];
    const before = await leftovers();
    const put = service.keep(a, inPieces(bytes), { expected: other });
    await assert.rejects(put, rejectedAs("digest-mismatch"));
    assert.equal(await service.find(a, digestOf(bytes)), undefined);
    assert.equal(await leftovers(), before);
  });

  test(`${name}: a body that breaks off leaves nothing behind`, async () => {
    const a = tenant();
    const { fresh, leftovers } = subject();
    const service = await fresh();
    const bytes = randomBytes(size);
    const before = await leftovers();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* inPieces(bytes);
      throw new Error("the client is gone");
    }
    await assert.rejects(service.keep(a, broken()), /the client is gone/);
    assert.equal(await service.find(a, digestOf(bytes)), undefined);
    assert.equal(await leftovers(), before);
  });
}

function keeping(name: string, subject: Subject): void {
  test(`${name}: what is released is gone, and can be put again`, async () => {
    const a = tenant();
    const service = await subject().fresh();
    for (const size of subject().sizes) {
      const bytes = randomBytes(size);
      const { digest } = await service.keep(a, bytes);
      assert.equal(await service.release(a, digest), true);
      assert.equal(await service.release(a, digest), false);
      assert.equal(await service.read(a, digest), undefined);
      assert.equal(await service.find(a, digest), undefined);
      assert.equal(await service.open(a, digest), undefined);
      assert.equal((await service.keep(a, bytes)).created, true);
      const open = await service.open(a, digest);
      assert.ok(open && (await bytesOf(open.body)).equals(bytes));
    }
  });

  test(`${name}: what something refers to stays when its keeper releases it, until it is put again`, async () => {
    const a = tenant();
    const { fresh, refer, sizes } = subject();
    const service = await fresh();
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const { digest } = await service.keep(a, bytes);
      const end = await refer(a, digest);
      assert.equal(await service.release(a, digest), true);
      const found = await service.find(a, digest);
      assert.equal(found?.kept, false, "it is there, and not kept");
      const open = await service.open(a, digest);
      assert.ok(open && (await bytesOf(open.body)).equals(bytes));
      assert.equal(await service.release(a, digest), false);
      assert.equal((await service.keep(a, bytes)).created, true);
      await end();
      assert.equal((await service.find(a, digest))?.kept, true);
    }
  });

  test(`${name}: a listing gives what is kept, by digest, page by page`, async () => {
    const service = await subject().fresh();
    const a = tenant();
    const digests: Digest[] = [];
    for (let n = 0; n < 7; n++) digests.push((await service.keep(a, randomBytes(20))).digest);
    const gone = digests.pop()!;
    await service.release(a, gone);
    digests.sort();
    const first = await service.list(a, { limit: 4 });
    const rest = await service.list(a, { after: first.at(-1)!.digest, limit: 4 });
    assert.deepEqual(
      [...first, ...rest].map(({ digest }) => digest),
      digests,
    );
    assert.equal(rest.length, 2);
  });

  test(`${name}: a payload with a time to live is gone when it is over, and lives on when it is put for longer`, async () => {
    const a = tenant();
    const service = await subject().fresh();
    const [short, long] = [randomBytes(30), randomBytes(30)];
    const brief = await service.keep(a, short, { ttl: 1 });
    assert.ok(brief.expiresAt !== undefined && brief.expiresAt >= brief.createdAt);
    await service.keep(a, long, { ttl: 1 });
    await service.keep(a, long, { ttl: 3_600_000 });
    const far = await service.keep(a, long, { ttl: 5 });
    assert.ok(far.expiresAt! > far.createdAt + 3_000_000, "the longer time stands");
    const forever = await service.keep(a, long);
    assert.equal(forever.expiresAt, undefined);
    const other = await subject().fresh();
    assert.equal((await other.find(a, forever.digest))?.expiresAt, undefined);
    for (;;) if ((await other.find(a, brief.digest)) === undefined) break;
    assert.equal(await other.release(a, brief.digest), false);
    assert.equal((await service.keep(a, short)).created, true);
  });
}

function tenancy(name: string, subject: Subject): void {
  test(`${name}: no tenant sees, shares or deletes another's payload, whatever digest it knows`, async () => {
    const [a, b] = [tenant(), tenant()];
    const service = await subject().fresh();
    const elsewhere = await subject().fresh();
    for (const size of subject().sizes) {
      const bytes = randomBytes(size);
      const { digest } = await service.keep(a, bytes, { mediaType: "text/plain" });
      for (const reader of [service, elsewhere]) {
        assert.equal(await reader.read(b, digest), undefined);
        assert.equal(await reader.find(b, digest), undefined);
        assert.equal(await reader.open(b, digest), undefined);
        assert.equal(await reader.verify(b, digest), undefined);
        assert.equal(await reader.release(b, digest), false);
        await assert.rejects(reader.load(b, [digest]), rejectedAs("missing"));
      }
      const other = await service.keep(b, bytes, { mediaType: "image/gif" });
      assert.deepEqual([other.created, other.mediaType], [true, "image/gif"]);
      assert.equal(await service.release(b, digest), true);
      assert.equal((await elsewhere.find(a, digest))?.mediaType, "text/plain");
    }
  });
}

function values(name: string, subject: Subject): void {
  test(`${name}: values of the engine are stored once, loaded, and shown to users only when something refers to them`, async () => {
    const a = tenant();
    const { fresh, refer, sizes } = subject();
    const service = await fresh();
    const all = sizes.map((size) =>
      Buffer.from(JSON.stringify("x".repeat(size) + randomBytes(4).toString("hex"))),
    );
    const stored = all.filter(({ length }) => service.accepts(length));
    const given = stored.map((bytes) => ({ digest: digestOf(bytes), bytes }));
    await service.store(a, given);
    await service.store(a, [...given, ...given]);
    const digests = given.map(({ digest }) => digest);
    for (const reader of [service, await fresh()]) {
      const found = await reader.load(a, digests);
      for (const { digest, bytes } of given) assert.ok(found.get(digest)?.equals(bytes));
    }
    for (const digest of digests) {
      assert.equal(await service.find(a, digest), undefined, "nothing refers to it yet");
      await refer(a, digest);
      assert.equal((await service.find(a, digest))?.kept, false);
      assert.equal(await service.release(a, digest), false, "no user keeps it");
    }
    await assert.rejects(
      service.load(a, [...digests, digestOf(randomBytes(3))]),
      rejectedAs("missing"),
    );
  });

  test(`${name}: what no store takes is refused beforehand, and when it turns out to be too large`, async () => {
    const a = tenant();
    const { fresh, limit } = subject();
    if (limit === undefined) return;
    const service = await fresh();
    assert.deepEqual([service.accepts(limit), service.accepts(limit + 1)], [true, false]);
    const bytes = randomBytes(limit + 1);
    await assert.rejects(service.keep(a, bytes), rejectedAs("too-large"));
    await assert.rejects(service.keep(a, inPieces(bytes)), rejectedAs("too-large"));
    await assert.rejects(
      service.keep(a, inPieces(bytes), { size: limit + 1 }),
      rejectedAs("too-large"),
    );
  });
}

function concurrency(name: string, subject: Subject): void {
  test(`${name}: the same payload put by many at once is created once; deleted by many at once, once`, async () => {
    const a = tenant();
    const { fresh, sizes } = subject();
    const servers = [await fresh(), await fresh()];
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const many = Array.from({ length: 16 }, (_, n) => servers[n % 2]!);
      const puts = await Promise.all(many.map((server) => server.keep(a, bytes)));
      assert.equal(puts.filter(({ created }) => created).length, 1);
      const digest = puts[0]!.digest;
      const open = await (await fresh()).open(a, digest);
      assert.ok(open && (await bytesOf(open.body)).equals(bytes));
      const gone = await Promise.all(many.map((server) => server.release(a, digest)));
      assert.equal(gone.filter(Boolean).length, 1);
    }
  });

  test(`${name}: under puts and deletes of the same few by many, each answer is one that some order explains`, async () => {
    const a = tenant();
    const { fresh } = subject();
    const servers = [await fresh(), await fresh()];
    const bodies = Array.from({ length: 5 }, () => randomBytes(40));
    const balance = bodies.map(() => 0);
    const worker = async (n: number): Promise<void> => {
      const server = servers[n % 2]!;
      for (let round = 0; round < 30; round++) {
        const at = (n * 7 + round * 3) % bodies.length;
        const { created, digest } = await server.keep(a, bodies[at]!);
        if (created) balance[at]! += 1;
        if ((n + round) % 2 === 0 && (await server.release(a, digest))) balance[at]! -= 1;
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => worker(n)));
    const reader = await fresh();
    for (const [at, bytes] of bodies.entries()) {
      const kept = (await reader.find(a, digestOf(bytes)))?.kept === true;
      assert.equal(balance[at], kept ? 1 : 0, "created as often as deleted, or once more");
      const found = await reader.read(a, digestOf(bytes));
      assert.equal(found?.bytes.equals(bytes) ?? false, kept);
    }
  });
}
