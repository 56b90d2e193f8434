/** Whatever the definition and whatever comes in whichever order, the invariants of `decide` hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isTerminal, loadState } from "@millrace/engine";
import { formatIssue, type JsonObject, load, type Program } from "@millrace/language";
import fc from "fast-check";
import { definitions } from "./definitions.ts";
import { InstanceModel, type Step } from "./instance-model.ts";

const RUNS = Number(process.env.MILLRACE_PROPERTY_RUNS ?? 400);

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.oneof(
      { arbitrary: fc.constantFrom("advance" as const, "settle" as const), weight: 6 },
      {
        arbitrary: fc.constantFrom("fail" as const, "again" as const, "unknown" as const),
        weight: 4,
      },
      { arbitrary: fc.constantFrom("suspend" as const, "resume" as const), weight: 2 },
      { arbitrary: fc.constant("retry" as const), weight: 3 },
      { arbitrary: fc.constant("cancel" as const), weight: 1 },
    ),
    pick: fc.nat(50),
  }),
  { maxLength: 40 },
);
const random = fc.double({ min: 0, max: 0.999, noNaN: true });

function compiled(definition: JsonObject): Program {
  const loaded = load(JSON.stringify(definition));
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.issues.map(formatIssue).join("\n"));
  return loaded.program;
}

test("every interleaving keeps the invariants, and every instance can end", () => {
  const seen = new Map<string, number>();
  let retried = 0;
  fc.assert(
    fc.property(definitions, steps, random, (definition, taken, drawn) => {
      const model = new InstanceModel(compiled(definition), drawn);
      for (const step of taken) {
        model.take(step);
        seen.set(model.state.status, (seen.get(model.state.status) ?? 0) + 1);
      }
      model.finish();
      retried += model.retried;
    }),
    { numRuns: RUNS },
  );
  assert.ok(retried > 0, "never retried");
  // A generator that only makes instances that end at once would prove nothing.
  for (const status of ["running", "waiting", "suspended", "cancelled", "faulted", "completed"])
    assert.ok((seen.get(status) ?? 0) > 0, `never ${status}`);
});

test("cancel ends an instance wherever it stands and takes everything back", () => {
  fc.assert(
    fc.property(definitions, steps, (definition, taken) => {
      const model = new InstanceModel(compiled(definition), 0);
      for (const step of taken.filter(({ what }) => what !== "cancel")) model.take(step);
      if (model.ended) return;
      model.send({ kind: "cancel" });
      assert.equal(model.state.status, "cancelled");
      assert.deepEqual([...model.open], []);
    }),
    { numRuns: RUNS },
  );
});

test("a state written and read again goes on as the one that stayed in memory", () => {
  fc.assert(
    fc.property(definitions, steps, (definition, taken) => {
      const program = compiled(definition);
      const stayed = new InstanceModel(program, 0.5);
      const reread = new InstanceModel(program, 0.5);
      for (const step of taken) {
        stayed.take(step);
        reread.take(step);
        reread.state = loadState(JSON.parse(JSON.stringify(reread.state)));
      }
      assert.deepEqual(reread.state, stayed.state);
      assert.deepEqual(reread.open, stayed.open);
    }),
    { numRuns: RUNS / 4 },
  );
});

test("an instance that has ended accepts nothing", () => {
  fc.assert(
    fc.property(definitions, steps, (definition, taken) => {
      const model = new InstanceModel(compiled(definition), 0);
      model.finish();
      const { state } = model;
      assert.ok(isTerminal(state.status));
      for (const step of taken)
        if (step.what !== "cancel" && step.what !== "retry") model.take(step);
      model.send({ kind: "cancel" });
      assert.equal(model.state, state);
    }),
    { numRuns: RUNS / 4 },
  );
});
