/** The layout is a test: imports point one way, the engine stays pure, files stay small. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

/** Which packages of ours each package may import. The order is the one of docs/ARCHITECTURE.md. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  jq: [],
  language: ["jq"],
  engine: ["language"],
  protocol: [],
  server: ["engine", "jq", "language", "protocol"],
  sdk: ["protocol"],
  cli: ["sdk", "server", "protocol", "language", "engine"],
  testkit: ["jq", "language", "engine", "protocol", "server", "sdk", "cli"],
};
/** These run in a browser: no Node.js module. */
const BROWSER_SAFE = new Set(["jq", "language", "engine", "protocol", "sdk"]);
/** Lines; docs/STYLE.md says why. */
const MAX_LINES = 400;
const MAX_TEST_LINES = 600;

interface Source {
  readonly path: string;
  readonly name: string;
  readonly text: string;
  readonly isTest: boolean;
}

const sources: Source[] = globSync(join(root, "packages/*/{src,bin}/**/*.{ts,js}")).map((file) => {
  const path = relative(root, file);
  return {
    path,
    name: path.split("/")[1] ?? "",
    text: readFileSync(file, "utf8"),
    isTest: path.endsWith(".test.ts") || path.startsWith("packages/testkit/"),
  };
});
const shipped = sources.filter((source) => !source.isTest);

/** Every module the text imports, statically or not. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)["']([^"']+)["']/g)].map(
    (match) => match[1] ?? "",
  );
}

function violations(check: (source: Source, module: string) => boolean, among = shipped): string[] {
  return among.flatMap((source) =>
    importsOf(source.text)
      .filter((module) => check(source, module))
      .map((module) => `${source.path} imports ${module}`),
  );
}

test("there are sources to look at", () => {
  assert.ok(shipped.length > 50, `${shipped.length} files found`);
  for (const name of new Set(sources.map((source) => source.name)))
    assert.ok(name in ALLOWED, `packages/${name} is not in the layout`);
});

test("packages import each other only in the drawn direction", () => {
  const wrong = violations(({ name }, module) => {
    const other = /^@millrace\/([a-z-]+)/.exec(module)?.[1];
    return other !== undefined && other !== name && !(ALLOWED[name] ?? []).includes(other);
  });
  assert.deepEqual(wrong, []);
});

test("no import reaches into another package's folder", () => {
  const wrong = violations(({ path, name }, module) => {
    if (!module.startsWith(".")) return false;
    return !join(path, "..", module).startsWith(`packages/${name}/`);
  }, sources);
  assert.deepEqual(wrong, []);
});

test("shipped code does not import testkit", () => {
  assert.deepEqual(
    violations((_, module) => module.includes("testkit")),
    [],
  );
});

test("browser-safe packages import no Node.js module", () => {
  const wrong = violations(
    ({ name }, module) => BROWSER_SAFE.has(name) && module.startsWith("node:"),
  );
  assert.deepEqual(wrong, []);
});

test("the engine and the language reach for no I/O, time or randomness", () => {
  const forbidden =
    /\b(?:Date\s*[.(]|new\s+Date\b|Math\.random|process\.(?:env|exit|cwd|argv|hrtime|nextTick|std|memory|uptime|pid)|performance\.|fetch\s*\(|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.|console\.|globalThis)/;
  const wrong: string[] = [];
  for (const source of shipped) {
    if (source.name !== "engine" && source.name !== "language") continue;
    const code = source.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    const match = forbidden.exec(code);
    if (match) wrong.push(`${source.path}: ${match[0]}`);
  }
  assert.deepEqual(wrong, []);
});

test("files stay within the length that STYLE.md says", () => {
  const long = sources
    .map(({ path, text, isTest }) => ({ path, isTest, lines: text.trimEnd().split("\n").length }))
    .filter(({ isTest, lines }) => lines > (isTest ? MAX_TEST_LINES : MAX_LINES))
    .map(({ path, lines }) => `${path}: ${lines} lines`);
  assert.deepEqual(long, []);
});
