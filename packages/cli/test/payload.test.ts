/** Messages and payloads through the command. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startPayloadApi } from "@millrace/testkit/payload-api";
import { folder, millrace } from "./command.ts";

const hex = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

test("message put, get, delete", async (t) => {
  const { url } = await startPayloadApi(t);
  const cli = (words: readonly string[], stdin: string | Uint8Array = "") =>
    millrace(["message", ...words], { env: { MILLRACE_URL: url }, stdin });
  const digest = hex("two words\n");
  assert.deepEqual(await cli(["put", "-"], "two words\n"), {
    code: 0,
    stdout: `${digest}\n`,
    stderr: "",
  });
  assert.deepEqual(JSON.parse((await cli(["put", "two words\n", "-o", "json"])).stdout), {
    digest,
  });
  assert.equal((await cli(["get", digest])).stdout, "two words\n\n");
  assert.deepEqual(JSON.parse((await cli(["get", digest, "-o", "json"])).stdout), {
    message: "two words\n",
  });
  assert.equal((await cli(["put", "-"], "\ufeffa")).stdout, `${hex("\ufeffa")}\n`);
  const latin = await cli(["put", "-"], Buffer.from("caf\u00e9", "latin1"));
  assert.deepEqual([latin.code, latin.stdout], [2, ""]);
  assert.match(latin.stderr, /^millrace: standard input is not UTF-8; millrace payload put -/);
  const gone = await cli(["delete", digest, digest]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^\w{64}: deleted\nmillrace: there is no message .*message-not-found/);
  const malformed = await cli(["get", "xyz"]);
  assert.match(malformed.stderr, /^millrace: xyz: expected hexadecimal .*\(invalid-digest\)/);
});

test("payload put, get, describe, list, verify, delete", async (t) => {
  const { url, damage } = await startPayloadApi(t);
  const cli = (words: readonly string[], stdin = "") =>
    millrace(["payload", ...words], { env: { MILLRACE_URL: url }, stdin });
  const here = folder(t);
  const bytes = randomBytes(300_000);
  const file = join(here, "file.bin");
  writeFileSync(file, bytes);
  const digest = hex(bytes);
  assert.equal((await cli(["put", file, "--type", "image/png"])).stdout, `${digest}\n`);
  const piped = JSON.parse(
    (await cli(["put", "-", "--ttl", "1h", "-o", "json"], "text")).stdout,
  ) as {
    size: number;
    expiresAt?: string;
  };
  assert.ok(piped.size === 4 && piped.expiresAt !== undefined);
  assert.equal((await cli(["get", hex("text")])).stdout, "text");
  const copy = join(here, "copy.bin");
  assert.equal((await cli(["get", digest, "--file", copy])).code, 0);
  assert.ok(readFileSync(copy).equals(bytes));

  const described = await cli(["describe", digest]);
  assert.match(described.stdout, /^digest +\w{64}\nsize +300000 bytes\ntype +image\/png\nstore /);
  const rows = JSON.parse((await cli(["list", "-o", "json"])).stdout) as { digest: string }[];
  assert.deepEqual(
    rows.map((row) => row.digest),
    [digest, hex("text")].toSorted(),
  );
  assert.equal((await cli(["list", "--limit", "1"])).stdout.split("\n").length, 3);
  assert.equal((await cli(["verify", digest])).stdout, `${digest}: directory: right\n`);
  await damage(digest);
  const damaged = await cli(["verify", digest, hex("text"), "-o", "json"]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, /"state": "damaged"/);
  assert.match((await cli(["delete", digest])).stderr, /: deleted\n$/);
  assert.equal((await cli(["describe", digest])).code, 1);
});

test("a file is there whole or not at all, and one that cannot be read is told so", async (t) => {
  const { url, payloads, damage, digests } = await startPayloadApi(t);
  const cli = (words: readonly string[]) =>
    millrace(["payload", ...words], { env: { MILLRACE_URL: url } });
  const here = folder(t);
  const { digest } = await payloads.keep("default", randomBytes(3_000_000));
  await damage(digest);
  const cut = await cli(["get", digest, "--file", join(here, "file")]);
  assert.equal(cut.code, 1, cut.stderr);
  assert.deepEqual(readdirSync(here), []);
  const nowhere = await cli(["get", digest, "--file", join(here, "no", "file")]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /ENOENT/);
  const missing = await cli(["put", join(here, "missing")]);
  assert.deepEqual([missing.code, existsSync(join(here, "missing"))], [2, false]);
  assert.match(missing.stderr, /missing: ENOENT/);
  assert.deepEqual(await digests(), [digest]);
});
