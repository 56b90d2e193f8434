/** The README names every resource of the client and every method of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MillraceClient } from "./client.ts";

const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
const client = new MillraceClient({ url: "http://127.0.0.1:1" });

/** Public methods, those that are inherited too; what asks for one page is said to be like the others. */
function methodsOf(resource: object): readonly string[] {
  const names: string[] = [];
  let each: object = Object.getPrototypeOf(resource);
  while (each !== Object.prototype) {
    names.push(...Object.getOwnPropertyNames(each));
    each = Object.getPrototypeOf(each);
  }
  return [...new Set(names)].filter((name) => !/^constructor$|Page$|^pathOf$|^write$/.test(name));
}

test("the README names every resource of the client, with its methods", () => {
  const resources = Object.entries(client);
  assert.ok(resources.length >= 9);
  for (const [name, resource] of resources) {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(row !== undefined, name);
    // Channels have what webhooks have: the row says so.
    if (name === "channels") continue;
    for (const method of methodsOf(resource))
      assert.ok(row.includes(`\`${method}(`), `${name}.${method}`);
  }
});
