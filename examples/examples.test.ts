/** Each example is valid, and gives what its header says it gives, with time skipped. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatIssue, type Json, type JsonObject, load, parseYaml } from "@millrace/language";
import { readSpec } from "@millrace/server/schedules";
import { program, simulate, type Simulated } from "@millrace/testkit";

const folder = import.meta.dirname;
const all = globSync("**/*.yaml", { cwd: folder });
const files = all.filter((file) => !file.endsWith(".schedule.yaml"));
const read = (file: string): string => readFileSync(join(folder, file), "utf8");

/** What stands in the header: `npx millrace run examples/FILE … --input 'JSON'`, and the output in the line below. */
function promised(text: string): { readonly input: Json; readonly output: Json } | undefined {
  const header = /^# +npx millrace run \S+.*? --input '(.+)'\n# +(\S.*)$/m.exec(text);
  if (header === null) return undefined;
  const [, input = "", output = ""] = header;
  return { input: JSON.parse(input) as Json, output: JSON.parse(output) as Json };
}

function run(file: string, input: Json): Simulated {
  return simulate(read(file), { input, children: { child: read("child.yaml") } });
}

for (const file of all.filter((each) => each.endsWith(".schedule.yaml"))) {
  test(`${file} is a valid schedule`, () => {
    const { name, ...spec } = parseYaml(read(file)).value as JsonObject;
    assert.equal(file.split("/").at(-1)?.replace(".schedule.yaml", ""), name);
    assert.equal(readSpec(spec).workflow.namespace, "examples");
  });
}

test("there are examples", () => {
  assert.ok(files.length >= 8, `${files.length} found`);
});

for (const file of files) {
  test(`${file} is valid`, () => {
    const loaded = load(read(file));
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  });

  if (file.includes("/")) continue;

  test(`${file} does what its header says`, () => {
    const example = promised(read(file));
    assert.ok(example, "the header gives a command, and its output in the line below");
    const { state } = run(file, example.input);
    assert.deepEqual([state.status, state.error], ["completed", undefined]);
    assert.deepEqual(state.output, example.output);
  });

  test(`${file} is called by the name in its definition`, () => {
    const { namespace, name } = program(read(file));
    assert.equal(`${namespace}/${name}.yaml`, `examples/${file}`);
  });
}

test("switch: the first case that holds decides", () => {
  const carrier = (input: Json): Json => run("switch.yaml", input).state.output ?? null;
  assert.deepEqual(carrier({ kilos: 31, express: true }), { carrier: "truck", price: 71 });
  assert.deepEqual(carrier({ kilos: 1 }), { carrier: "post", price: 6 });
});

test("switch: an input that does not fit its schema is refused", () => {
  const { state } = run("switch.yaml", { kilos: "two" });
  assert.equal(state.status, "faulted");
  assert.match(state.error?.type ?? "", /validation$/);
});

test("retry: after three retries with growing pauses it gives up", () => {
  const { state, events } = run("retry.yaml", { failures: 9 });
  assert.deepEqual(state.output, {
    answer: "gave up after 4 attempts",
    because: "The service is busy",
  });
  const pauses = events.flatMap((event) => (event.kind === "task.retried" ? [event.delay] : []));
  // Half the jitter each time: the simulator's random number is 0.5.
  assert.deepEqual(pauses, [125, 225, 425]);
});

test("retry: what is forbidden is not tried again", () => {
  const { state, events } = run("retry.yaml", { forbidden: true });
  assert.equal(state.error?.status, 403);
  assert.ok(events.every((event) => event.kind !== "task.retried"));
});

test("fork: branches wait at once, and a race does not wait for the slow one", () => {
  assert.equal(run("fork.yaml", { city: "Vienna" }).elapsed, 300);
});

test("for-each: no lines, nothing to add up", () => {
  assert.deepEqual(run("for-each.yaml", { lines: [] }).state.output, { total: 0, receipt: [] });
});
