import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { directoryCatalog } from "./directory.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "catalog-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function put(root: string, name: string, version: string): Promise<void> {
  const at = join(root, "functions", name, version);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, "function.yaml"), "set: { a: 1 }\n");
}

test("functions are found by name and version, as the folder has them now", async (t) => {
  const root = await folder(t);
  const catalog = directoryCatalog(root);
  assert.deepEqual(await catalog.list(), []);
  await put(root, "log", "1.0.0");
  await put(root, "log", "2.0.0-rc.1+build");
  assert.equal(await catalog.read("log", "1.0.0"), "set: { a: 1 }\n");
  assert.equal(await catalog.read("log", "3.0.0"), undefined);
  const versions = (await catalog.list()).map(({ name, version }) => `${name} ${version}`);
  assert.deepEqual(versions.toSorted(), ["log 1.0.0", "log 2.0.0-rc.1+build"]);
});

test("no name leads out of the catalog's folder", async (t) => {
  const root = await folder(t);
  await put(root, "log", "1.0.0");
  // What would be found if names were taken as paths.
  await mkdir(join(root, "outside"), { recursive: true });
  await writeFile(join(root, "outside", "function.yaml"), "set: { secret: 1 }\n");
  const catalog = directoryCatalog(root);
  for (const [name, version] of [
    ["..", "outside"],
    ["log", "../../outside"],
    ["log/1.0.0", "."],
    [".", "log"],
    ["log", "1.0.0\0"],
  ] as const)
    assert.equal(await catalog.read(name, version), undefined, `${name} ${version}`);
});
