/** A state of every version ever released loads, and its instance goes on to its end. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { suite, test } from "node:test";
import {
  type Command,
  decide,
  isTerminal,
  loadState,
  STATE_VERSION,
  type State,
  wanted,
} from "@millrace/engine";
import { type Json, type JsonObject, load, type Program } from "@millrace/language";
import { waitsOf } from "@millrace/testkit";
import { scenarios } from "./states/scenarios.ts";

interface Fixture {
  readonly definition: JsonObject;
  readonly state: State;
  readonly end: { readonly status: string; readonly output?: Json };
}

/** Later than everything in the fixtures. */
const LATER = Date.UTC(2027, 0, 1);
const folder = join(import.meta.dirname, "states");

/** What wakes the instance next: work before timers, timeouts last of all. */
function next(program: Program, state: State): Command {
  if (state.status === "suspended") return { kind: "resume" };
  const [key = ""] = waitsOf(state).toSorted((a, b) => rank(a) - rank(b));
  const [what, id = ""] = key.split(":");
  const output = { ok: true };
  if (what === "activity") return { kind: "activity.completed", activityId: id, output };
  if (what === "event") return eventFor(program, state, id);
  if (what === "timer") return { kind: "timer.fired", timerId: id };
  return { kind: "child.finished", childId: id, result: { status: "completed", output } };
}

/** An event that the listen still wants. */
function eventFor(program: Program, state: State, id: string): Command {
  const frame = state.frames[id];
  const node = program.nodes.get(frame?.ref ?? "");
  assert.ok(frame?.kind === "listen" && node?.kind === "listen");
  const [first] = wanted(node.to, frame.strategy);
  const type = program.eventFilters.find((each) => each.id === first?.filter)?.type ?? "";
  const event = { specversion: "1.0", id: "late", source: "/s", type, subject: "ada" };
  return { kind: "event.delivered", seq: 1_000, event: { ...event, data: { ok: true } } };
}

function rank(key: string): number {
  if (key.startsWith("event:")) return 2;
  if (!key.startsWith("timer:")) return 0;
  return /^timer:[wr]/.test(key) ? 1 : 3;
}

function goOn({ definition, state: stored }: Fixture): State {
  const loaded = load(JSON.stringify(definition));
  assert.ok(loaded.ok);
  let state = loadState(stored);
  for (let steps = 0; !isTerminal(state.status); steps += 1) {
    assert.ok(steps < 100, "the instance does not end");
    const environment = {
      now: LATER + steps,
      random: () => 0.5,
      runtime: { name: "Millrace", version: "0" },
    };
    const decision = decide(loaded.program, state, next(loaded.program, state), environment);
    assert.ok(decision.applied, JSON.stringify(state.frames));
    assert.equal(decision.events[0]?.seq, state.seq + 1);
    ({ state } = decision);
  }
  return state;
}

for (let version = 1; version <= STATE_VERSION; version += 1) {
  const files = globSync(join(folder, `v${version}`, "*.json")).toSorted();
  suite(`states of version ${version}`, () => {
    test("there are some", () => {
      assert.ok(files.length >= 20, `${files.length} in v${version}`);
    });
    for (const file of files)
      test(basename(file, ".json"), () => {
        const fixture = JSON.parse(readFileSync(file, "utf8")) as Fixture;
        assert.equal(fixture.state.v, version);
        const { status, output } = goOn(fixture);
        assert.deepEqual({ status, ...(output !== undefined && { output }) }, fixture.end);
      });
  });
}

test("every scenario has its fixture of this version", () => {
  const files = globSync(join(folder, `v${STATE_VERSION}`, "*.json"));
  const names = new Set(files.map((file) => basename(file, ".json")));
  assert.deepEqual(
    scenarios.map(({ name }) => name).filter((name) => !names.has(name)),
    [],
    "run node packages/engine/test/states/write.ts",
  );
});

test("the scenarios stand in every kind of frame, in each of its forms", () => {
  const seen = new Set<string>();
  for (const file of globSync(join(folder, `v${STATE_VERSION}`, "*.json"))) {
    const { state } = JSON.parse(readFileSync(file, "utf8")) as Fixture;
    for (const key of Object.keys(state)) seen.add(`state.${key}`);
    for (const frame of Object.values(state.frames)) {
      seen.add(frame.kind);
      for (const key of Object.keys(frame)) seen.add(`${frame.kind}.${key}`);
      if ("phase" in frame) seen.add(`${frame.kind} ${frame.phase}`);
    }
  }
  // biome-ignore format: a plain enumeration
  const wanted = [
    "root", "do", "for", "fork", "try", "function", "extended", "wait", "activity", "child",
    "try body", "try delay", "try handler", "extended before", "extended task", "extended after",
    "for.items", "fork.outputs", "try.attemptUntil", "try.retryAt", "try.error", "wait.until",
    "activity.timeoutAt", "wait.input", "wait.raw", "extended.output", "extended.flow",
    "state.values", "state.held", "state.timeoutAt", "state.parent", "state.error",
  ];
  assert.deepEqual(
    wanted.filter((each) => !seen.has(each)),
    [],
  );
});
