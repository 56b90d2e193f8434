/** Definitions to begin with: our own examples, and the specification's where they are at hand. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../../..");

/** The texts of every example. The same on every machine for the same files: sorted by path. */
export function exampleTexts(): readonly string[] {
  const spec = process.env["MILLRACE_SPEC_DIR"];
  const own = files(join(ROOT, "examples"), "**/*.yaml").map((file) => readFileSync(file, "utf8"));
  if (spec === undefined || !existsSync(spec)) return own;
  const official = files(join(spec, "examples"), "*.yaml").map((file) =>
    readFileSync(file, "utf8"),
  );
  return [...own, ...official, ...files(join(spec, "ctk"), "*.feature").flatMap(definitionsOf)];
}

function files(folder: string, pattern: string): string[] {
  return globSync(pattern, { cwd: folder })
    .filter((name) => !name.includes("node_modules"))
    .toSorted()
    .map((name) => join(folder, name));
}

/** The YAML blocks of a feature file. */
function definitionsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/"""yaml\n([\s\S]*?)\n *"""/g)].map(([, block = ""]) => {
    const indent = /^ */.exec(block)?.[0].length ?? 0;
    return block.replaceAll(new RegExp(`^ {${indent}}`, "gm"), "");
  });
}
