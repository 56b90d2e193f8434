import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { cassandraSettings } from "../../src/payloads/cassandra/settings.ts";
import { ConfigError } from "../../src/settings.ts";

test("a Cassandra's address is taken apart", () => {
  assert.deepEqual(
    cassandraSettings(
      "cassandra://mill%40race:p%3Aw%2F@one.example:9043,10.0.0.2,[::1]:9044/payloads_1?dc=eu-west&replication=5&consistency=QUORUM&tls=true",
    ),
    {
      hosts: ["one.example:9043", "10.0.0.2:9042", "[::1]:9044"],
      dataCenter: "eu-west",
      keyspace: "payloads_1",
      user: "mill@race",
      password: "p:w/",
      replication: 5,
      consistency: "quorum",
      tls: {},
    },
  );
  assert.deepEqual(cassandraSettings("cassandra://localhost/m?dc=dc1"), {
    hosts: ["localhost:9042"],
    dataCenter: "dc1",
    keyspace: "m",
    consistency: "local_quorum",
  });
});

test("a certificate's issuer is read from its file", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-test-ca-"));
  try {
    writeFileSync(join(folder, "ca.pem"), "PEM");
    const url = `cassandra://h/m?dc=dc1&tls=true&ca=${encodeURIComponent(join(folder, "ca.pem"))}`;
    assert.deepEqual(cassandraSettings(url).tls, { ca: "PEM" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["", /expected cassandra:\/\/user:password@host:9042\/keyspace\?dc=/],
  ["http://host/keyspace?dc=dc1", /expected cassandra:/],
  ["cassandra://host", /expected cassandra:/],
  ["cassandra://host/keyspace", /\?dc= is missing.*nodetool status/],
  ["cassandra://host/keyspace?dc=", /\?dc= is missing/],
  ["cassandra://host/keyspace?dc=dc1&ssl=true", /unknown option ssl; there are dc,/],
  ["cassandra://ho st/keyspace?dc=dc1", /expected host or host:port.*not ho st/],
  ["cassandra://host:99999/keyspace?dc=dc1", /expected host or host:port/],
  ["cassandra://,/keyspace?dc=dc1", /expected host or host:port/],
  ["cassandra://host/?dc=dc1", /expected a keyspace of lower-case letters/],
  ["cassandra://host/Keyspace?dc=dc1", /expected a keyspace of lower-case letters/],
  ["cassandra://host/a-b?dc=dc1", /expected a keyspace of lower-case letters/],
  [`cassandra://host/${"k".repeat(49)}?dc=dc1`, /at most 48/],
  ["cassandra://host/k?dc=dc1&replication=0", /replication: expected a whole number/],
  ["cassandra://host/k?dc=dc1&consistency=one", /consistency: expected one of local_quorum/],
  ["cassandra://host/k?dc=dc1&tls=yes", /tls: expected true or false/],
  ["cassandra://host/k?dc=dc1&ca=/x.pem", /ca is only for tls=true/],
  ["cassandra://host/k?dc=dc1&tls=true&ca=/not/there.pem", /ca: cannot read \/not\/there\.pem/],
  ["cassandra://u:100%@host/k?dc=dc1", /a % itself is %25/],
];

test("an address that is wrong is refused with what was expected, without its password", () => {
  for (const [text, told] of WRONG) {
    const secret = text.replace("cassandra://host", "cassandra://user:hidden@host");
    assert.throws(
      () => cassandraSettings(secret),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, told, text);
        assert.doesNotMatch(error.message, /hidden/);
        return true;
      },
    );
  }
});
