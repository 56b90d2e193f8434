/** What has to hold when everything has come to rest. */
import { isTerminal, type State } from "@millrace/engine";
import type { InstanceRow } from "@millrace/server/ports";
import { same } from "./fold.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Outcome, WORKFLOWS } from "./workflows.ts";
import type { Effect } from "./world.ts";

export interface Final {
  readonly around: Surroundings;
  readonly effects: ReadonlyMap<string, Effect>;
  /** Acknowledged starts, and their idempotency keys. */
  readonly acknowledged: ReadonlyMap<string, string | undefined>;
  /** Instances that a client asked to cancel. */
  readonly cancelled: ReadonlySet<string>;
  /** Retries asked for and not refused, by instance. */
  readonly retries: ReadonlyMap<string, number>;
}

export function checkFinal(final: Final): void {
  const { database, violation } = final.around;
  for (const id of final.acknowledged.keys())
    if (!database.instances.has(id)) violation(`the acknowledged start of ${id} is lost`);
  const { activities, timers, children, inbox } = database;
  for (const [what, rows] of Object.entries({ activities, timers, children, inbox }))
    if (rows.size > 0) violation(`${what} are left: ${[...rows.keys()].join(" ")}`);
  checkKeys(final.around);
  const seen = seenBy(final);
  for (const row of database.instances.values()) {
    const wrong = wrongWith(row, seen, final);
    if (wrong !== undefined) violation(`${row.name} ${row.id}: ${wrong}`);
  }
}

/** Invariant 8. What a client starts under a key carries the key in its input. */
function checkKeys({ database, violation }: Surroundings): void {
  const idOf = new Map<string, string>();
  for (const row of database.instances.values()) {
    const { input } = database.stateOf(row);
    const key = (input as { readonly key?: string }).key;
    if (key === undefined || row.parentId !== undefined) continue;
    if (idOf.has(key)) violation(`${key} started ${row.id} and ${idOf.get(key)}`);
    idOf.set(key, row.id);
  }
}

/** Of each instance, what others saw of it. */
type Seen = ReadonlyMap<string, Required<Omit<Outcome, "output" | "error">>>;

function seenBy({ around: { database }, effects }: Final): Seen {
  const none = { effects: 0, activities: 0, children: 0, events: 0 };
  const seen = new Map([...database.instances.keys()].map((id) => [id, { ...none }]));
  const count = (id: string | undefined, what: keyof typeof none, times = 1): void => {
    const of = id === undefined ? undefined : seen.get(id);
    if (of !== undefined) of[what] += times;
  };
  for (const { instanceId, activities } of effects.values()) {
    count(instanceId, "effects");
    count(instanceId, "activities", activities.length);
  }
  for (const { parentId } of database.instances.values()) count(parentId, "children");
  for (const { instanceId } of database.events.values()) count(instanceId, "events");
  return seen;
}

function wrongWith(row: InstanceRow, seen: Seen, final: Final): string | undefined {
  const workflow = WORKFLOWS.find(({ name }) => name === row.name);
  if (workflow === undefined) return "nobody started it";
  const state = final.around.database.stateOf(row);
  if (!isTerminal(state.status)) return `it is ${state.status} and nothing goes on`;
  if (state.status === "cancelled")
    return wasAsked(row, final) ? undefined : "it was cancelled, and nobody asked for it";
  const retried = retriesOf(row, final);
  if (retried > (final.retries.get(row.id) ?? 0)) return `it was retried ${retried} times`;
  const { outcome } = workflow;
  if (typeof outcome !== "function")
    return outcome.includes(state.status) ? undefined : `it is ${state.status}`;
  // What a clock that was set has made too old was published once more.
  const steady = !Number.isFinite(final.around.plan.clockJumpEvery);
  if (!steady && row.name.startsWith("hears-"))
    return state.status === "completed" ? undefined : `it is ${state.status}`;
  const { output, error, ...expected } = outcome(state.input as never);
  const actual = comesTo(state);
  if (!same(actual, error === undefined ? { output } : { error }))
    return `it came to ${JSON.stringify(actual)}, not ${JSON.stringify(output ?? error)}`;
  const counts = seen.get(row.id);
  const should = { children: 0, events: 0, ...expected };
  for (const [what, count] of Object.entries(counts ?? {}))
    if (should[what as keyof typeof should] !== count && (retried === 0 || what === "effects"))
      return `${count} ${what}, not ${should[what as keyof typeof should]}`;
  return undefined;
}

/** What is retried asks for its activities and children again, under the same keys. */
function retriesOf({ id }: InstanceRow, { around: { database } }: Final): number {
  const facts = database.history.get(id) ?? [];
  return facts.filter(({ kind }) => kind === "workflow.retried").length;
}

function comesTo({ status, output, error }: State): Pick<Outcome, "output" | "error"> {
  return status === "completed" ? { output: output ?? null } : { error: error?.status ?? 0 };
}

/** By a client, or by a parent that ended or took it back. */
function wasAsked(row: InstanceRow, { cancelled, around: { database } }: Final): boolean {
  if (cancelled.has(row.id)) return true;
  if (row.parentId === undefined) return false;
  const parent = database.instances.get(row.parentId);
  if (parent !== undefined && isTerminal(parent.status)) return true;
  const facts = database.history.get(row.parentId) ?? [];
  return facts.some(
    (fact) => fact.kind === "task.cancelled" && fact.occurrence === row.parentChildId,
  );
}
