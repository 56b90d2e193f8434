import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatIssue, load } from "@millrace/language";

const HEAD = "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }\n";

/** Every issue as one line, without the file. */
function issues(text: string): readonly string[] {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.issues.map(formatIssue);
}
/** Expects exactly one issue, at this place, with these words. */
function refuses(text: string, place: string, words: RegExp): void {
  const found = issues(text);
  assert.equal(found.length, 1, found.join("\n"));
  assert.ok(found[0]?.includes(place), found[0]);
  assert.match(found[0] ?? "", words);
}

test("the shape: each mistake names its place and what was expected", () => {
  refuses(
    `${HEAD}do:\n  - a:\n      call: http\n      with: { endpoint: http://x }\n`,
    "5:7 do[0].a.with.method",
    /required/,
  );
  refuses(`${HEAD}do:\n  - a: { set: { x: 1 }, wait: PT1S }\n`, "do[0].a", /set and wait/);
  refuses(
    `${HEAD}do:\n  - a: { fork: { branches: [], compet: true } }\n`,
    "compet",
    /did you mean "compete"/,
  );
  refuses(`${HEAD.replace("'1.0.0'", "1.0")}do: []\n`, "document.version", /quotes/);
});

test("meaning: names, flows, expressions, durations and schedules", () => {
  const task = (text: string): string => `${HEAD}do:\n  - a: ${text}\n`;
  refuses(task("{ set: { n: 1 }, then: b }"), "do[0].a.then", /no task "b"/);
  refuses(task("{ set: { n: '${ .x + }' } }"), "do[0].a.set.n", /unexpected end/);
  refuses(task("{ set: { n: '${ $nobody }' } }"), "do[0].a.set.n", /nobody/);
  refuses(task("{ call: htp }"), "do[0].a.call", /did you mean "http"/);
  refuses(task("{ wait: P1X }"), "do[0].a", /duration/);
  refuses(
    task("{ set: { x: 1 }, timeout: soon }"),
    "do[0].a.timeout",
    /use.timeouts has no "soon"/,
  );
  refuses(task("{ raise: { error: nope } }"), "do[0].a", /use.errors has no "nope"/);
  refuses(task("{ set: { k: '${ $secrets.key }' } }"), "do[0].a.set.k", /only be used in the arg/);
  refuses(
    task(
      "{ call: http, with: { method: get, endpoint: 'http://a.test/', body: '${ $secrets.key }' } }",
    ),
    "do[0].a.with.body",
    /"key" is not listed/,
  );
  refuses(
    `${task("{ set: { x: 1 } }")}  - a: { set: { x: 1 } }\n`,
    "do[1].a",
    /already a task "a"/,
  );
  refuses(
    `${task("{ set: { x: 1 } }")}schedule: { cron: '0 0 30 2 *' }\n`,
    "schedule.cron",
    /never fires/,
  );
  refuses(
    `${task("{ set: { x: 1 } }")}schedule: {}\n`,
    "schedule",
    /one of every, cron, after, on/,
  );
  refuses(`${task("{ call: f }")}use: { functions: { f: { call: f } } }\n`, "call", /f → f/);
  refuses(
    task("{ switch: [ { x: { then: end } }, { y: { then: end } } ] }"),
    "do[0].a.switch",
    /second default/,
  );
});

test("several mistakes are reported together", () => {
  const text = `${HEAD}do:\n  - a: { set: { n: '\${ . + }' }, then: nowhere }\n  - b: { call: nobody }\n`;
  assert.equal(issues(text).length, 3);
});

test("the front door refuses what is not plain JSON", () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
  for (let level = 1; level < 9; level += 1) {
    const [name, before] = [String.fromCodePoint(97 + level), String.fromCodePoint(96 + level)];
    bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(",")}]`);
  }
  assert.ok(issues(bomb.join("\n")).length > 0);
  refuses("a: &a { b: *a }\n", "", /anchor/i);
  for (const unit of ["\0", "\u001b", "\ud800", "\ufffe"]) {
    const [line = ""] = issues(`${HEAD}do:\n  - a: { set: { b: 'x${unit}' } }\n`);
    assert.match(line, /U\+(?:0000|001B|D800|FFFE) may not stand here/);
  }
  assert.deepEqual(issues(`${HEAD}do:\n  - a: { set: { b: "\u0080\\0\\ud800" } }\n`), []);
  assert.ok(issues(`${HEAD}do: []\ndo: []\n`).some((line) => /unique|duplicate/i.test(line)));
  assert.ok(
    issues(`${HEAD}__proto__: { x: 1 }\ndo: []\n`).some((line) => line.includes("__proto__")),
  );
  refuses("", "", /empty/);
  assert.ok(issues(`${HEAD}do: []\n---\na: 1\n`).length > 0);
  assert.ok(issues(`x: ${"[".repeat(5000)}${"]".repeat(5000)}`).length > 0);
  assert.ok(issues("x".repeat(2 * 1024 * 1024)).some((line) => /larger/.test(line)));
});

test("data are never read as expressions, and a script's code is left alone", () => {
  const loaded = load(
    `${HEAD}do:\n  - a: { run: { script: { language: js, code: 'f(\${ x })' } } }\n  - b: { run: { shell: { command: 'echo \${HOME} \${ .n }' } } }\n`,
  );
  assert.ok(loaded.ok);
  const [script, shell] = loaded.program.tasks;
  assert.ok(script?.kind === "process" && shell?.kind === "process");
  const context = { now: 0 };
  assert.deepEqual(script.with.evaluate({ n: 1 }, {}, context), {
    language: "js",
    code: "f(${ x })",
  });
  assert.deepEqual(shell.with.evaluate({ n: 1 }, {}, context), { command: "echo ${HOME} 1" });
});

const spec = process.env.MILLRACE_SPEC_DIR;
const missing =
  spec === undefined ? "set MILLRACE_SPEC_DIR to run over the specification's examples" : false;

test("every example of the specification has the right shape", { skip: missing }, () => {
  const folder = join(spec ?? "", "examples");
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  assert.ok(files.length > 50);
  for (const file of files) {
    const loaded = load(readFileSync(join(folder, file), "utf8"), { file });
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  }
});
