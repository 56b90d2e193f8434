/** One round of each main kind; `npm run test:crash` runs as many as wanted, of all kinds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "./faults.ts";
import { runFirings } from "./firings.ts";
import { isBadPayloads, runPayloads } from "./payloads.ts";
import { FAULTY, runRounds } from "./run.ts";
import type { Mode } from "./stand.ts";

const ROUNDS: readonly (readonly [Kind, Mode])[] = [
  ["server", "embedded"],
  ["recovery", "given"],
  ["freeze", "embedded"],
  ["reset", "given"],
  ["disk", "given"],
];

for (const [only, mode] of ROUNDS)
  test(`nothing is lost, stuck or doubled: ${only}, ${mode}`, async (t) => {
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    const totals = await runRounds({ rounds: 1, seed: 1, only, mode, say });
    if (totals.skipped > 0) return t.skip(said.join("\n"));
    for (const each of FAULTY) assert.equal(totals[each], 0, said.join("\n"));
    assert.ok(totals.acknowledged > 0 && totals.acknowledged === totals.started, said.join("\n"));
  });

test("no time of a schedule is missed or doubled when the server is killed as it comes", async () => {
  const said: string[] = [];
  const totals = await runFirings({ kills: 3, seed: 1, say: (line) => void said.push(line) });
  const { missed, doubled, early, unfinished } = totals;
  const none = { missed: 0, doubled: 0, early: 0, unfinished: 0 };
  assert.deepEqual({ missed, doubled, early, unfinished }, none, said.join("\n"));
  assert.ok(totals.times > totals.schedules, "it was too short for a second time");
});

test("no payload is lost or cut off when the server is killed in the midst of uploads", async () => {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const totals = await runPayloads({ rounds: 3, uploads: 1_000, seed: 3, say });
  assert.equal(isBadPayloads(totals), false, said.join("\n"));
  assert.equal(totals.rounds, 3);
  assert.ok(totals.acknowledged > 0, said.join("\n"));
  assert.ok(totals.acknowledged < totals.uploads, "every kill came after the last upload");
});
