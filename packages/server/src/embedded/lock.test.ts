import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { takeLock, tryLock } from "./lock.ts";

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-lock-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "lock");
}

/** Processes that try to take the lock at the same moment; gives what each of them got while all were alive. */
async function rivals(t: TestContext, file: string, count: number): Promise<readonly string[]> {
  const script = `
    const { tryLock } = await import(${JSON.stringify(new URL("lock.ts", import.meta.url).href)});
    console.log("here");
    process.stdin.once("data", () => console.log(typeof tryLock(${JSON.stringify(file)}))).resume();`;
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  for (const child of children) t.after(() => child.kill("SIGKILL"));
  const lines = children.map(({ stdout }) => createInterface({ input: stdout }));
  await Promise.all(lines.map((line) => once(line, "line")));
  const answers = lines.map(async (line) => String((await once(line, "line"))[0]));
  for (const { stdin } of children) stdin.write("go");
  return Promise.all(answers);
}

test("of many that come at once one gets the lock, free or left behind by a killed process", async (t) => {
  const file = place(t);
  for (const left of [undefined, '{"pid":']) {
    rmSync(file, { force: true });
    if (left !== undefined) writeFileSync(file, left);
    const answers = await rivals(t, file, 4);
    assert.deepEqual(answers.toSorted(), ["function", ...Array(3).fill("object")], left);
  }
});

test("the holder is named, and gives the lock back", (t) => {
  const file = place(t);
  const release = takeLock(file);
  assert.equal((JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid, process.pid);
  assert.throws(() => takeLock(file), new RegExp(`in use by process ${process.pid}`));
  release();
  assert.equal(typeof tryLock(file), "function");
  assert.deepEqual(readdirSync(join(file, "..")), ["lock"]);
});
