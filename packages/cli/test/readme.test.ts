/** The README names every command, option and exit code that there is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXIT } from "../src/exit.ts";
import { createProgram } from "../src/program.ts";

const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
const { commands } = createProgram(() => {});
/** With those under another, such as `secret set`. */
const everyCommand = commands.flatMap((command) => [command, ...command.commands]);

test("the README names every command", () => {
  assert.ok(commands.length >= 12);
  for (const command of everyCommand) {
    const name = command.parent?.parent
      ? `${command.parent.name()} ${command.name()}`
      : command.name();
    assert.match(readme, new RegExp(`\`${name}[ \`]`), name);
  }
});

test("the README names every option, and no other", () => {
  const options = everyCommand.flatMap((command) => command.options.map(({ long }) => long));
  const named = Array.from(readme.matchAll(/--[a-z]+(?:-[a-z]+)*/g), ([option]) => option);
  assert.deepEqual(new Set(named), new Set(options));
});

test("README and help name every exit code", () => {
  let help = "";
  const program = createProgram(() => {}).configureOutput({ writeOut: (text) => (help += text) });
  program.outputHelp();
  for (const code of Object.values(EXIT)) {
    assert.match(readme, new RegExp(`^\\| ${code} \\|`, "m"));
    assert.match(help, new RegExp(`^ {2}${code} `, "m"));
  }
});
