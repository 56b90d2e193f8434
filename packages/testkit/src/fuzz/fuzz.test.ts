/** A bounded run of each target, past findings again, and the fuzzer's own machinery. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isObject, type Json } from "@millrace/language";
import { type Finding, runCampaign, type Session, type Target, TARGETS } from "./index.ts";
import { Random } from "./random.ts";

/** Inputs of the bounded run: a few seconds of each. */
const COUNTS: Readonly<Record<string, number>> = {
  yaml: 150,
  definition: 1_000,
  engine: 200,
  api: 400,
};

interface Past {
  readonly note: string;
  readonly input: Json;
}

function corpus(name: string): readonly Past[] {
  const file = join(import.meta.dirname, "corpus", `${name}.json`);
  return JSON.parse(readFileSync(file, "utf8")) as readonly Past[];
}

for (const target of TARGETS) {
  test(`${target.name}: what was found before is not found again`, async () => {
    const session = await target.open();
    try {
      for (const { note, input } of corpus(target.name)) {
        const { outcome, problem } = await session.run(input);
        assert.notEqual(outcome, "no case", note);
        assert.equal(problem, undefined, note);
      }
    } finally {
      await session.close();
    }
  });

  test(`${target.name}: a bounded run finds nothing`, async () => {
    const count = COUNTS[target.name] ?? 0;
    const { counts, findings } = await runCampaign(target, { seed: 20_261_121, count });
    assert.deepEqual(findings, []);
    // One outcome alone would mean that the inputs do not get anywhere.
    assert.ok(counts.size > 2, JSON.stringify([...counts]));
    assert.equal(
      [...counts.values()].reduce((sum, each) => sum + each, 0),
      count,
    );
  });
}

test("the same seed gives the same inputs, another seed others", async () => {
  for (const target of TARGETS) {
    const session = await target.open();
    const inputs = (seed: number) =>
      Array.from({ length: 20 }, (_, index) =>
        JSON.stringify(session.generate(Random.of(seed, index))),
      );
    assert.deepEqual(inputs(5), inputs(5), target.name);
    assert.notDeepEqual(inputs(5), inputs(6), target.name);
    await session.close();
  }
});

/** Fails on texts with both letters, and at its end when asked to. */
function planted(last?: string): Target {
  const session: Session = {
    concurrency: 1,
    generate: (random) => ({
      text: random.list(30, () => random.pick(["x", "y", "z", "0"])).join(""),
      other: [1, 2, { three: 3 }],
    }),
    run: async (input) => {
      const text = isObject(input) ? JSON.stringify(input["text"] ?? "") : "";
      if (!text.includes("x") || !text.includes("y")) return { outcome: "fine" };
      return { outcome: "bad", problem: { kind: "x and y", detail: text } };
    },
    finish: async () => (last === undefined ? undefined : { kind: last, detail: "" }),
    close: async () => {},
  };
  return { name: "planted", open: async () => session };
}

test("a finding is reported once, shrunk to what it needs", async () => {
  const { counts, findings } = await runCampaign(planted(), { seed: 1, count: 50 });
  assert.ok((counts.get("bad") ?? 0) > 1);
  assert.equal(findings.length, 1);
  const [{ input, problem }] = findings as [Finding];
  const { text } = input as { text: string };
  assert.equal(text.split("").toSorted().join(""), "xy");
  assert.deepEqual(Object.keys(input as object), ["text"]);
  assert.equal(problem.detail, JSON.stringify(text));
});

test("what shows at the end of a run is a finding", async () => {
  const { findings } = await runCampaign(planted("leak"), { seed: 1, count: 0 });
  assert.deepEqual(
    findings.map(({ problem, index }) => [problem.kind, index]),
    [["leak", -1]],
  );
});

test("a check that throws or dies is a finding, and the next input is checked all the same", async () => {
  const { Isolated } = await import("./isolated.ts");
  const isolated = new Isolated("self-test", 48, 300);
  assert.equal((await isolated.run({ do: "nothing" })).problem, undefined);
  assert.match((await isolated.run({ do: "throw" })).problem?.kind ?? "", /^exception TypeError/);
  assert.equal((await isolated.run({ do: "exhaust" })).problem?.kind, "death");
  assert.equal((await isolated.run({ do: "burn" })).problem?.kind, "slow");
  assert.equal((await isolated.run({ do: "nothing" })).problem, undefined);
  await isolated.close();
});
