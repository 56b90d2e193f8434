import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type KeyringConfig, openKeyring, parseKeys } from "./keyring.ts";

const KEY = Buffer.alloc(32, 7);
const clock = { monotonic: () => 0 };
const open = (config: KeyringConfig) => openKeyring(config, clock);

function file(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "keys");
  writeFileSync(path, content);
  return path;
}

test("a key is read from a file, a variable or a command, in any of its forms", async (t) => {
  const forms = [KEY.toString("base64"), KEY.toString("base64url"), KEY.toString("hex")];
  for (const form of forms) {
    const masterKeyFile = file(t, `# comment\n\n${form}\r\n`);
    const configs = [{ masterKey: form }, { masterKeyFile }, { masterKeyCommand: `echo ${form}` }];
    for (const config of configs) assert.deepEqual((await open(config)).current()?.bytes, KEY);
  }
});

test("the first key is used, the others are known", async () => {
  const other = Buffer.alloc(32, 8);
  const keyring = await open({ masterKey: `${KEY.toString("hex")}, ${other.toString("hex")}` });
  const ids = parseKeys(`${KEY.toString("hex")}\n${other.toString("hex")}`, "X").map(
    ({ id }) => id,
  );
  assert.equal(keyring.current()?.id, ids[0]);
  assert.deepEqual((await keyring.find(ids[1] ?? ""))?.bytes, other);
  assert.equal(await keyring.find("000000000000"), undefined);
});

test("without a setting there is no key", async () => {
  assert.equal((await open({})).current(), undefined);
});

test("what is no key is refused without being quoted", async (t) => {
  const configs: readonly [KeyringConfig, RegExp][] = [
    [{ masterKey: "hunter2" }, /^MILLRACE_MASTER_KEY: key 1: expected 32 random bytes/],
    [{ masterKeyFile: file(t, `${KEY.toString("hex")}\nhunter2`) }, /_FILE: key 2: expected 32/],
    [{ masterKeyFile: file(t, "# hunter2\n") }, /^MILLRACE_MASTER_KEY_FILE: holds no key/],
    [{ masterKeyFile: "/nowhere/keys" }, /^MILLRACE_MASTER_KEY_FILE: cannot be read \(ENOENT\)/],
    [{ masterKeyCommand: "echo hunter2 >&2; exit 3" }, /_COMMAND: cannot be read \(3\)/],
    [{ masterKeyCommand: "head -c 100000 /dev/zero" }, /_COMMAND: cannot be read \(ERR_CHILD/],
    [{ masterKey: "x", masterKeyFile: "y" }, /_FILE and MILLRACE_MASTER_KEY: give only one/],
  ];
  for (const [config, expected] of configs)
    await assert.rejects(open(config), (error: Error) => {
      assert.match(error.message, expected);
      return error.name === "ConfigError" && !error.message.includes("hunter2");
    });
});

test("a file that cannot be read stops the start", async (t) => {
  const path = file(t, KEY.toString("hex"));
  chmodSync(path, 0o000);
  // Whoever runs the tests as root can read it all the same.
  if (process.getuid?.() === 0) assert.ok((await open({ masterKeyFile: path })).current());
  else await assert.rejects(open({ masterKeyFile: path }), /cannot be read \(EACCES\)/);
});
