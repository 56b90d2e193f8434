/** The event strategy of a schedule, compiled, and what it listens to. */
import {
  type Evaluation,
  isEmptyStrategy,
  startStrategy,
  type StrategyState,
  wanted,
} from "@millrace/engine";
import {
  compile,
  type EventFilterNode,
  type EventStrategy,
  type Json,
  type JsonObject,
} from "@millrace/language";
import type { ScheduleSpec, ScheduleState } from "./schedule.ts";

interface Compiled {
  readonly strategy: EventStrategy;
  /** All it has, those of `until` among them. */
  readonly filters: readonly EventFilterNode[];
}

/** Strategies by their text: many schedules share few. */
const compiled = new Map<string, Compiled>();
const KEPT = 1_000;

/** The strategy of a spec that is known to be valid. */
export function strategyOf(written: JsonObject): EventStrategy {
  return compiledOf(written).strategy;
}

/** The filters of a spec, for events to be held against as they come in. */
export function filtersOf({ trigger }: Pick<ScheduleSpec, "trigger">): readonly EventFilterNode[] {
  return trigger.kind === "on" ? compiledOf(trigger.strategy).filters : [];
}

function compiledOf(written: JsonObject): Compiled {
  const text = JSON.stringify(written);
  const known = compiled.get(text);
  if (known !== undefined) return known;
  const document = { dsl: "1.0.3", namespace: "schedule", name: "on", version: "1.0.0" };
  const { schedule, eventFilters } = compile({
    document,
    schedule: { on: written },
    do: [{ none: { set: {} } }],
  });
  if (schedule?.on === undefined) throw new Error("a schedule by events has no strategy");
  if (compiled.size >= KEPT) compiled.clear();
  const made = { strategy: schedule.on, filters: eventFilters };
  compiled.set(text, made);
  return made;
}

/** What the schedule listens to as it stands; nothing when it starts by time, or is paused. */
export function listensTo(
  { spec, paused }: Pick<ScheduleState, "spec" | "paused">,
  now: number,
): readonly { readonly filter: string; readonly keys?: Readonly<Record<string, Json>> }[] {
  if (spec.trigger.kind !== "on" || paused !== undefined || isOver(spec, now)) return [];
  const strategy = strategyOf(spec.trigger.strategy);
  return isEmptyStrategy(strategy) ? [] : wanted(strategy, fresh(strategy, now));
}

export function isOver({ endAt }: ScheduleSpec, now: number): boolean {
  return endAt !== undefined && now > endAt;
}

/** There is no instance: expressions see the event, and no variable. */
export function evaluationAt(now: number): Evaluation {
  return { scope: () => ({}), context: { now } };
}

export function fresh(strategy: EventStrategy, now: number): StrategyState {
  return startStrategy(strategy, null, evaluationAt(now));
}
