import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { configPage } from "./config-page.ts";
import { ConfigError, SETTINGS, isLoopback, loadConfig, unknownVariables } from "./config.ts";

const KEY = "0123456789abcdef";

test("docs/configuration.md is the table of settings", () => {
  const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
  assert.equal(page, configPage(), "run `npm run docs -w @millrace/server`");
});

test("an empty environment gives the defaults", () => {
  const config = loadConfig({});
  assert.equal(config.host, "127.0.0.1");
  assert.equal(config.port, 7070);
  assert.deepEqual(config.apiKeys, []);
  assert.equal(config.shutdownTimeout, 10_000);
  assert.equal(config.databaseUrl, undefined);
  assert.equal(config.egressAllowLoopback, false);
});

test("the environment is read, and options win over it", () => {
  const environment = { MILLRACE_PORT: "8080", MILLRACE_API_KEYS: ` ${KEY}, ${KEY}2 ,` };
  const config = loadConfig(environment, { port: 0, databaseUrl: "postgres://localhost/x" });
  assert.equal(config.port, 0);
  assert.deepEqual(config.apiKeys, [KEY, `${KEY}2`]);
  assert.equal(config.databaseUrl, "postgres://localhost/x");
});

test("each fault is one line that names the variable and what was expected, never the value", () => {
  const environment = {
    MILLRACE_PORT: "70700",
    MILLRACE_API_KEYS: "hunter2",
    MILLRACE_SHUTDOWN_TIMEOUT: "10",
    MILLRACE_DATABASE_URL: "mysql://root:hunter2@localhost/x",
    MILLRACE_LOG_LEVEL: "loud",
    MILLRACE_ORIGINS: "https://ok.example, https://hunter2.example/path",
    MILLRACE_EGRESS_ALLOW_PRIVATE: "yes",
  };
  assert.throws(
    () => loadConfig(environment),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      const lines = error.message.split("\n");
      assert.deepEqual(
        new Set(lines.map((line) => line.split(":")[0])),
        new Set(Object.keys(environment)),
      );
      for (const line of lines) assert.match(line, /: expected /);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
});

test("an address that others reach needs a key", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.5", "millrace.internal", "127.0.0.1.example"]) {
    assert.throws(() => loadConfig({ MILLRACE_HOST: host }), /MILLRACE_API_KEYS/, host);
    assert.equal(loadConfig({ MILLRACE_HOST: host, MILLRACE_API_KEYS: KEY }).host, host);
  }
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "localhost"]) {
    assert.ok(isLoopback(host), host);
    assert.equal(loadConfig({ MILLRACE_HOST: host }).host, host);
  }
});

test("every default passes its own check", () => {
  for (const { variable, default: fallback, parse } of Object.values(SETTINGS)) {
    if (fallback !== undefined) assert.doesNotThrow(() => parse(fallback), variable);
  }
});

test("misspelt variables are found", () => {
  const environment = { MILLRACE_PROT: "1", MILLRACE_PORT: "1", MILLRACE_URL: "x", PATH: "/" };
  assert.deepEqual(unknownVariables(environment), ["MILLRACE_PROT"]);
});
