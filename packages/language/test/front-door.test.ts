/** Text that is no definition: each kind is refused quickly, in words, at its place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIssue, type Issue, load, parseYaml } from "@millrace/language";

const HEAD = "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }\n";

function first(text: string, options = {}): Issue {
  const loaded = load(text, options);
  assert.ok(!loaded.ok, "expected a refusal");
  const [issue] = loaded.issues;
  assert.ok(issue !== undefined);
  return issue;
}
function refuses(text: string, place: string, words: RegExp): void {
  const line = formatIssue(first(text, { file: "a.yaml" }));
  assert.ok(line.startsWith(place), line);
  assert.match(line, words);
}

test("JSON is read like YAML, and places are counted in both", () => {
  const json = JSON.stringify({ document: { a: [1, "x", null, true] }, do: [] }, undefined, "\t");
  assert.deepEqual(parseYaml(json).value, JSON.parse(json));
  refuses('{\n  "document": {},\n  "do": 1\n}', "a.yaml:2:3 document.dsl", /required/);
});

test("what YAML reads differently from what was meant", () => {
  refuses(
    `${HEAD.replace("'1.0.3'", "1.0")}do: []`,
    "a.yaml:1:13 document.dsl",
    /in quotes: '1\.0'$/,
  );
  refuses(`${HEAD}do:\n  - 404: { set: { a: 1 } }`, "a.yaml:3:5", /keys must be strings, got 404/);
  refuses(
    `${HEAD}do:\n  - a: { set: { x: .inf } }`,
    "a.yaml:3:20 do[0].a.set.x",
    /not a JSON number/,
  );
  refuses(`${HEAD}do:\n\t- a: { set: { x: 1 } }`, "a.yaml:3:1", /spaces, not tabs/);
  refuses(`${HEAD}do: !!js/function x`, "a.yaml:2:", /tag .* not supported/);
  refuses(`${HEAD}do: []\n---\na: 1`, "a.yaml:3:1", /one definition per file/);
  refuses(`${HEAD}do: []\ndo: []`, "a.yaml:3:1 do", /duplicate key/);
  refuses(`${HEAD}do: { a: { set: { x: 1 } } }`, "a.yaml:2:1 do", /each entry starts with "- "/);
  refuses(
    `${HEAD}do:\n  - a: { set: { x: 1 } }\n    b: { set: { x: 1 } }`,
    "a.yaml:3:5 do[0]",
    /exactly one task/,
  );
});

test("aliases are followed, but not round in circles or out of bounds", () => {
  const shared = parseYaml("a: &x { n: 1 }\nb: *x\nc: [*x, &x 2, *x]");
  assert.deepEqual(shared.value, { a: { n: 1 }, b: { n: 1 }, c: [{ n: 1 }, 2, 2] });
  refuses("a: &x [ *x ]", "a.yaml:1:7 a[0]", /contains itself/);
  refuses("a: *x", "a.yaml:1:4 a", /no anchor/);
  const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
  for (let level = 1; level < 9; level += 1) {
    bomb.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`);
  }
  assert.equal(first(bomb.join("\n")).code, "limit");
});

test("`__proto__` is refused wherever it stands", () => {
  refuses(`${HEAD}do: []\n__proto__: { a: 1 }`, "a.yaml:3:1", /__proto__/);
  refuses(`${HEAD}do:\n  - a: { set: { __proto__: { a: 1 } } }`, "a.yaml:3:17", /__proto__/);
  assert.equal(({} as { a?: number }).a, undefined);
});

test("size and depth", () => {
  assert.equal(first("x".repeat(1_048_577)).code, "limit");
  assert.equal(first("é".repeat(600_000)).code, "limit");
  assert.equal(first("abc", { maxBytes: 2 }).code, "limit");
  const deep: readonly string[] = [
    `x: ${"[".repeat(300_000)}`,
    "{a: ".repeat(200_000),
    `${"- ".repeat(400_000)}x`,
    `${"? ".repeat(400_000)}x`,
    Array.from({ length: 1_300 }, (_, indent) => `${" ".repeat(indent)}a:`).join("\n"),
    `x: ${"[".repeat(300)}${"]".repeat(300)}`,
  ];
  for (const text of deep) assert.match(first(text).message, /nested/, text.slice(0, 20));
});

test("large texts cost time in proportion", () => {
  // Each of these took minutes with look-ups that walk the whole document.
  const aliases = `a: &x 1\nb: [${Array.from({ length: 60_000 }, () => "*x").join(",")}]`;
  assert.deepEqual(parseYaml(aliases).issues, []);
  const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1`).join("\n");
  assert.deepEqual(parseYaml(keys).issues, []);
  const nested = `${HEAD}do: [{ a: { set: { x: '\${ ${'"\\('.repeat(100_000)}' } } }]`;
  assert.match(first(nested).message, /not closed/);
});

test("of very many errors only the first are looked for", () => {
  const { issues } = parseYaml(`a: &a [*b]\n${"- x\n".repeat(100_000)}`);
  assert.ok(issues.length > 0 && issues.length <= 20, `${issues.length} issues`);
});
