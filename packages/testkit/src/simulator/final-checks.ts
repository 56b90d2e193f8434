/** What has to hold when everything has come to rest. */
import { isTerminal, loadState, type State } from "@millrace/engine";
import type { Json } from "@millrace/language";
import type { InstanceRow } from "@millrace/server/ports";
import { simulate } from "../simulate.ts";
import type { Surroundings } from "./surroundings.ts";
import { STARTED, textOf, WORKFLOWS } from "./workflows.ts";
import { type Effect, faultlessWorld } from "./world.ts";

export interface Final {
  readonly around: Surroundings;
  readonly effects: ReadonlyMap<string, Effect>;
  /** Acknowledged starts. */
  readonly acknowledged: ReadonlyMap<string, unknown>;
  /** Instances that a client asked to cancel. */
  readonly cancelled: ReadonlySet<string>;
}

export function checkFinal({ around, effects, acknowledged, cancelled }: Final): void {
  const { database, violation } = around;
  for (const id of acknowledged.keys())
    if (!database.instances.has(id)) violation(`the acknowledged start of ${id} is lost`);
  const left = [database.activities, database.timers, database.children, database.inbox];
  for (const [index, rows] of left.entries())
    if (rows.size > 0)
      violation(
        `${["activities", "timers", "children", "messages"][index]} are left: ${[...rows.keys()].join(" ")}`,
      );
  const keysOf = new Map<string, string[]>();
  for (const [key, { instanceId }] of effects)
    keysOf.set(instanceId, [...(keysOf.get(instanceId) ?? []), key.slice(instanceId.length)]);
  for (const row of database.instances.values()) {
    const wrong = outcomeOf(row, keysOf.get(row.id) ?? [], cancelled, around);
    if (wrong !== undefined) violation(`${row.name} ${row.id}: ${wrong}`);
  }
}

function outcomeOf(
  row: InstanceRow,
  keys: readonly string[],
  cancelled: ReadonlySet<string>,
  { database }: Surroundings,
): string | undefined {
  const workflow = WORKFLOWS.find(({ name }) => name === row.name);
  if (workflow === undefined) return "nobody started it";
  const state = loadState(JSON.parse(row.state));
  if (!isTerminal(state.status)) return `it is ${state.status} and nothing goes on`;
  if (state.status === "cancelled") {
    const parent = row.parentId === undefined ? undefined : database.instances.get(row.parentId);
    if (cancelled.has(row.id) || (parent !== undefined && isTerminal(parent.status)))
      return undefined;
    const { parentChildId } = row;
    const facts = row.parentId === undefined ? [] : (database.history.get(row.parentId) ?? []);
    const given = facts.some(
      (fact) => fact.kind === "task.cancelled" && fact.occurrence === parentChildId,
    );
    return given ? undefined : "it was cancelled, and nobody asked for it";
  }
  if (workflow.outcome !== "exact")
    return workflow.outcome.includes(state.status) ? undefined : `it is ${state.status}`;
  return compare(state, keys, expectedOf(workflow.name, state.input));
}

interface Expected {
  readonly state: State;
  readonly keys: readonly string[];
}
const known = new Map<string, Expected>();

/** The outcome, and the effects, of a run in which nothing goes wrong. */
function expectedOf(name: string, input: Json): Expected {
  const key = `${name} ${JSON.stringify(input)}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const text = (each: string): string =>
    WORKFLOWS.filter((workflow) => workflow.name === each).map(textOf)[0] ?? "";
  // A child that waits for ever is one that never answers.
  const children = Object.fromEntries(STARTED.map((each) => [each.name, text(each.name)]));
  const { state, effects } = simulate(text(name), { input, activity: faultlessWorld(), children });
  const keys = effects.flatMap((effect) =>
    effect.kind === "activity.schedule" ? effect.idempotencyKey.slice(state.id.length) : [],
  );
  const expected = { state, keys: [...new Set(keys)] };
  known.set(key, expected);
  return expected;
}

function compare(state: State, keys: readonly string[], expected: Expected): string | undefined {
  const outcome = ({ status, output, error }: State): string =>
    JSON.stringify({ status, output, error });
  if (outcome(state) !== outcome(expected.state))
    return `it ended ${outcome(state)}, without faults ${outcome(expected.state)}`;
  const [did, should] = [keys, expected.keys].map((each) => each.toSorted().join(" "));
  return did === should ? undefined : `it did ${did}, without faults ${should}`;
}
