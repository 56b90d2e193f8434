/** Settings of payloads that cannot be used are refused with what was expected. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { ConfigError, loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/logger.ts";
import { openPayloads } from "../../src/payloads/open.ts";

const refusals: readonly (readonly [variable: string, value: string, message: RegExp])[] = [
  ["STORES", "", /expected stores \(database, directory, s3, cassandra\)/],
  ["STORES", "tape", /expected stores/],
  ["STORES", "database<1MB", /expected a size in bytes, or with a unit: 512KiB/],
  ["STORES", "database<1MiB,directory<1KiB", /each limit must be larger than the one before/],
  ["STORES", "directory,s3", /directory takes everything, so nothing can come after it/],
  ["STORES", "database<1KiB,directory<2KiB,database<3KiB", /a store is named twice/],
  ["STORES", "database", /expected database<16MiB or less/],
  ["MIRROR", "database", /expected one of directory, s3, cassandra/],
  ["CACHE", "much", /expected a size in bytes/],
];

for (const [name, value, message] of refusals)
  test(`MILLRACE_PAYLOAD_${name}=${value} is refused with what was expected`, () => {
    const variable = `MILLRACE_PAYLOAD_${name}`;
    assert.throws(
      () => loadConfig({ [variable]: value }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        return error.message.startsWith(`${variable}: `);
      },
    );
  });

async function opened(environment: Readonly<Record<string, string>>) {
  return openPayloads(loadConfig(environment), systemClock(), silentLogger);
}

test("a store without the setting that says where it is stops the start with the name of the setting", async () => {
  for (const [store, variable] of [
    ["directory", "MILLRACE_PAYLOAD_DIRECTORY"],
    ["s3", "MILLRACE_PAYLOAD_S3"],
    ["cassandra", "MILLRACE_PAYLOAD_CASSANDRA"],
  ] as const) {
    const message = (by: string) =>
      new RegExp(`${variable}: not set, but MILLRACE_PAYLOAD_${by} names the store ${store}`);
    const stores = `database<1MiB,${store}`;
    await assert.rejects(opened({ MILLRACE_PAYLOAD_STORES: stores }), message("STORES"));
    await assert.rejects(opened({ MILLRACE_PAYLOAD_MIRROR: store }), message("MIRROR"));
  }
});

test("a mirror that is one of the stores itself is refused", async () => {
  const environment = {
    MILLRACE_PAYLOAD_STORES: "database<1MiB,directory",
    MILLRACE_PAYLOAD_DIRECTORY: "/tmp/millrace-none",
    MILLRACE_PAYLOAD_MIRROR: "directory",
  };
  await assert.rejects(opened(environment), /a second copy needs another store/);
});
