/** Servers over a database and a folder. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { MIB, randomBody, readAll, sha256 } from "@millrace/testkit/payloads";
import { ConfigError, loadConfig, type Server, silentLogger, startServer } from "@millrace/server";
import { PayloadError, type Payloads } from "../../src/payloads/payloads.ts";

suite("a server with a folder for payloads", () => {
  let database: TestDatabase;
  let above: string;
  before(async () => {
    database = await createDatabase();
    above = mkdtempSync(join(tmpdir(), "millrace-directory-server-"));
  });
  after(async () => {
    await database.drop();
    rmSync(above, { recursive: true });
  });

  const start = (settings: Readonly<Record<string, string>>): Promise<Server> => {
    const config = loadConfig(
      { MILLRACE_PORT: "0", ...settings },
      { databaseUrl: database.url, exclusive: true },
    );
    return startServer(config, { log: silentLogger });
  };
  const inFolder = (folder: string): Promise<Server> =>
    start({
      MILLRACE_PAYLOAD_STORES: "database<1KiB,directory",
      MILLRACE_PAYLOAD_DIRECTORY: folder,
    });
  const payloadsOf = ({ payloads }: Server): Payloads => {
    assert.ok(payloads !== undefined);
    return payloads;
  };
  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^[0-9a-f]{32}$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));

  test("keeps what is large in files, and finds it after a restart", async () => {
    const folder = join(above, "payloads");
    const bytes = randomBody(3 * MIB);
    const first = await inFolder(folder);
    const { digest, store } = await payloadsOf(first).keep("default", bytes);
    assert.equal(store, "directory");
    await first.stop();
    const files = filesIn(folder);
    assert.deepEqual(
      files.map((file) => sha256(readFileSync(file))),
      [digest],
    );
    const second = await inFolder(folder);
    const found = await payloadsOf(second).open("default", digest);
    assert.ok(found !== undefined && (await readAll(found.body)).equals(bytes));
    await second.stop();
  });

  test("says that a file is damaged, and that it is away when the folder is", async () => {
    const folder = join(above, "payloads");
    const server = await inFolder(folder);
    const payloads = payloadsOf(server);
    const { digest } = await payloads.keep("default", randomBody(2000));
    const file = filesIn(folder).find((each) => sha256(readFileSync(each)) === digest) ?? "";
    renameSync(folder, `${folder}.away`);
    const isAway = (error: unknown) =>
      error instanceof PayloadError && error.kind === "unavailable";
    await assert.rejects(payloads.keep("default", randomBody(2000)), isAway);
    await assert.rejects(payloads.verify("default", digest), isAway);
    renameSync(`${folder}.away`, folder);
    writeFileSync(file, randomBody(2000));
    const verified = await payloads.verify("default", digest);
    assert.deepEqual(verified?.copies, [{ store: "directory", state: "damaged" }]);
    await server.stop();
  });

  test("does not start with another folder, or with a folder that is another database's", async () => {
    const folder = join(above, "payloads");
    writeFileSync(join(above, "file"), "");
    const refused = (message: RegExp) => (error: unknown) =>
      error instanceof ConfigError && message.test(error.message);
    await assert.rejects(inFolder(join(above, "file")), refused(/is not a folder/));
    const other = await createDatabase();
    const settings = { MILLRACE_PAYLOAD_DIRECTORY: folder, MILLRACE_PORT: "0" };
    const config = loadConfig(settings, { databaseUrl: other.url });
    const foreign = startServer(config, { log: silentLogger });
    await assert.rejects(foreign, refused(/holds the payloads of another database/));
    await other.drop();
  });

  test("does not start when the folder is not set though a tier names it", async () => {
    const unset = start({ MILLRACE_PAYLOAD_STORES: "database<1KiB,directory" });
    await assert.rejects(unset, {
      name: "ConfigError",
      message:
        "MILLRACE_PAYLOAD_DIRECTORY: not set, but MILLRACE_PAYLOAD_STORES names the store directory",
    });
  });

  test("starts though the disk is not mounted, and says so to whoever needs it", async () => {
    const server = await inFolder(join(above, "not-mounted"));
    const payloads = payloadsOf(server);
    await assert.rejects(payloads.keep("default", randomBody(2000)), { kind: "unavailable" });
    assert.equal((await payloads.keep("default", randomBody(100))).store, "database");
    await server.stop();
  });
});
