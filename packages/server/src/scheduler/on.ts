/**
 * `schedule.on`: events start instances (DSL reference "Schedule", "Event Consumption Strategy").
 *
 * A strategy that one event satisfies starts an instance for each. One that asks for several keeps a *group* for each set of
 * events that belong together: an event goes to the oldest group that can use it, else it opens a new one; a group that has
 * all it asks for starts an instance with its events, in order, as input. The instance goes on with the trace of the event
 * that started it (CloudEvents extension "Distributed Tracing"), or of the last one before it in the set that has one.
 *
 * While the schedule is paused it listens to nothing; events that come then are passed over.
 */
import { type Evaluation, offer, readEvent, untilHolds } from "@millrace/engine";
import type { EventStrategy, Json, JsonObject } from "@millrace/language";
import { ExpressionError } from "@millrace/language";
import { readTraceContext } from "../observe/telemetry/trace-context.ts";
import type { Draft } from "./draft.ts";
import { decideOccasion } from "./due.ts";
import type { EventGroup } from "./schedule.ts";
import { evaluationAt, fresh, isOver, strategyOf } from "./strategy.ts";

/** Beyond this the oldest group is given up, which is on record. */
export const MOST_GROUPS = 1_000;
/** Events of one group; with so many it starts an instance, complete or not. */
const MOST_EVENTS = 1_000;
/** Characters of JSON that the events of all groups have: a group with so many by itself starts an instance, too. */
export const MOST_GATHERED = 64 * 1024 * 1024;

/** An event comes. @returns false when it is none of the schedule's */
export function takeEvent(draft: Draft, seq: number, event: JsonObject): boolean {
  const { spec, paused, groups = [] } = draft.state;
  const { trigger, startAt = 0 } = spec;
  if (trigger.kind !== "on" || paused !== undefined) return false;
  if (draft.now < startAt || isOver(spec, draft.now)) return false;
  const strategy = strategyOf(trigger.strategy);
  const evaluation = evaluationAt(draft.now);
  const opened: EventGroup = { state: fresh(strategy, draft.now), events: [] };
  for (const [index, group] of [...groups, opened].entries()) {
    const offered = offer(strategy, group.state, event, evaluation);
    if (!offered.consumed) continue;
    const events = offered.listed
      ? [...group.events, readEvent(event, trigger.read)]
      : group.events;
    const size = sizeOf(group) + (offered.listed ? charactersOf(events.at(-1)) : 0);
    const full = events.length >= MOST_EVENTS || size >= MOST_GATHERED;
    const over =
      offered.satisfied || full || (offered.listed && isEnough(strategy, events, evaluation));
    const others = groups.filter((_, n) => n !== index);
    const trace = readTraceContext(event) ?? group.trace;
    const after = { state: offered.state, events, size, ...(trace === undefined ? {} : { trace }) };
    if (over) started(draft, others, after, seq);
    else kept(draft, others, after, seq);
    return true;
  }
  return false;
}

/** Groups of older servers do not say it. */
function sizeOf({ size, events }: EventGroup): number {
  return size ?? events.reduce<number>((sum, event) => sum + charactersOf(event), 0);
}

function charactersOf(event: Json | undefined): number {
  return event === undefined ? 0 : JSON.stringify(event).length;
}

/** A condition that cannot be evaluated does not hold: there is no instance that could fault. */
function isEnough(
  strategy: EventStrategy,
  events: readonly Json[],
  evaluation: Evaluation,
): boolean {
  try {
    return untilHolds(strategy, events, evaluation);
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

function started(
  draft: Draft,
  groups: readonly EventGroup[],
  { events, size, trace }: EventGroup,
  seq: number,
): void {
  draft.change({ groups: groups.length === 0 ? undefined : groups });
  const { now } = draft;
  decideOccasion(draft, {
    origin: "event",
    nominal: now,
    dueAt: now,
    key: `event ${seq}`,
    input: [...events],
    ...(size === undefined ? {} : { size }),
    ...(trace === undefined ? {} : { trace }),
  });
}

function kept(draft: Draft, others: readonly EventGroup[], group: EventGroup, seq: number): void {
  const all = [...others, group];
  let gathered = all.reduce((sum, each) => sum + sizeOf(each), 0);
  let first = 0;
  for (; all.length - first > MOST_GROUPS || gathered > MOST_GATHERED; first += 1)
    gathered -= sizeOf(all[first] ?? group);
  if (first > 0) {
    const given = all.slice(0, first).map(({ events }) => events.length);
    const sets = first === 1 ? "a set" : `${first} sets`;
    const were = first === 1 ? "was" : "were";
    const detail = `${sets} of ${given.join(", ")} events ${were} never complete`;
    const occasion = { origin: "event", nominal: draft.now, key: `event ${seq}` } as const;
    draft.skip(occasion, "buffer-full", { detail });
  }
  draft.change({ groups: all.slice(first) });
}
