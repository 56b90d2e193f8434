import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { limitFiles } from "../scripts/file-limit.ts";

test("a test file whose process does not end fails", {
  skip: process.platform === "win32",
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-file-limit-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "endless.test.mjs");
  writeFileSync(
    file,
    'import { test } from "node:test"; test("passes", () => {}); setInterval(() => {}, 1000);',
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runner = spawn(process.execPath, ["--test", file], { stdio: "ignore", env });
  const endWatch = limitFiles(runner.pid ?? 0, 500);
  const [code] = (await once(runner, "exit")) as [number | null];
  endWatch();
  assert.equal(code, 1);
});
