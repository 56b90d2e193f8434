/**
 * Which events a strategy consumes (DSL reference "Event Consumption Strategy", "Event Filter", "Correlation").
 *
 * Pure and without an instance: a `listen` keeps a strategy's state in its frame, a schedule one per set of events that belong
 * together. Filters are numbered in the order they are written, those of an `until` strategy after the others.
 *
 *   one   the first event that passes the filter
 *   all   one event for each filter: an event goes to the first filter it passes that has none yet
 *   any   the first that passes any filter; with `until` every one, until the condition holds or `until` has its own events
 *
 * An event is offered to `until` first; what that consumes is not among the strategy's events. A correlation name means one
 * value for all filters: what a filter expects, or else what the first event consumed had.
 */
import {
  attributePasses,
  correlationValue,
  deepEqual,
  type EvaluationContext,
  type EventFilterNode,
  type EventStrategy,
  type Expression,
  ExpressionError,
  type Json,
  type JsonObject,
  type Scope,
} from "@millrace/language";
import type { SubscribedFilter } from "../effect.ts";

/** What the filters' expressions see. */
export interface Evaluation {
  /** The variables of these names. */
  readonly scope: (uses: readonly string[]) => Scope;
  readonly context: EvaluationContext;
}

/** Plain JSON: it stands in states. */
export interface StrategyState {
  /** Filters of an `all` that have their event, by number. */
  readonly filled?: readonly number[];
  /** Correlation values that are fixed, by name. */
  readonly fixed?: Readonly<Record<string, Json>>;
  /** What single filters expect instead, by number and name: two may expect different values under one name. */
  readonly own?: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

export interface Offered {
  readonly state: StrategyState;
  /** False: the event is none of the strategy's, and the state is the same. */
  readonly consumed: boolean;
  /** True when the event is one of those listened for; false for one that only `until` consumed. */
  readonly listed: boolean;
  /** True when the strategy has all it asks for. A condition of `until` is asked by {@link untilHolds}. */
  readonly satisfied: boolean;
}

/**
 * The state before the first event.
 * @param input `.` of the expressions under `expect`
 * @throws {ExpressionError} when an expectation cannot be evaluated, or is null: no event has that
 */
export function startStrategy(
  strategy: EventStrategy,
  input: Json,
  { scope, context }: Evaluation,
): StrategyState {
  const fixed = new Map<string, Json>();
  const own: [string, Readonly<Record<string, Json>>][] = [];
  for (const [number, filter] of filtersOf(strategy).entries()) {
    const others: [string, Json][] = [];
    for (const { name, expect } of filter.correlate) {
      if (expect === undefined) continue;
      const value = expect.evaluate(input, scope(expect.uses), context);
      if (value === null) throw new ExpressionError(`correlation ${name} expects null`, name);
      const first = fixed.get(name);
      if (first === undefined) fixed.set(name, value);
      else if (!deepEqual(first, value)) others.push([name, value]);
    }
    if (others.length > 0) own.push([String(number), Object.fromEntries(others)]);
  }
  return {
    ...(fixed.size === 0 ? {} : { fixed: Object.fromEntries(fixed) }),
    ...(own.length === 0 ? {} : { own: Object.fromEntries(own) }),
  };
}

/** Whether an event is consumed, and what follows from that. */
export function offer(
  strategy: EventStrategy,
  state: StrategyState,
  event: JsonObject,
  evaluation: Evaluation,
): Offered {
  const filters = filtersOf(strategy);
  // What ends the listening comes first: it is consumed by itself.
  const order = [...filters.keys()].toSorted((a, b) => rank(strategy, a) - rank(strategy, b));
  for (const number of order) {
    const filter = filters[number];
    if (filter === undefined || !isWanted(strategy, state, number)) continue;
    const keys = passing(filter, number, state, event, evaluation);
    if (keys === undefined) continue;
    const next = consumedBy(strategy, state, number, keys);
    const listed = number < strategy.filters.length;
    return { state: next, consumed: true, listed, satisfied: isSatisfied(strategy, next, number) };
  }
  return { state, consumed: false, listed: false, satisfied: false };
}

/** True when the strategy asks for nothing at all: `all: []`. */
export function isEmpty(strategy: EventStrategy): boolean {
  const { until } = strategy;
  const nothing = ({ kind, filters }: EventStrategy): boolean =>
    kind === "all" && filters.length === 0;
  return nothing(strategy) || (isStrategy(until) && nothing(until));
}

/**
 * Whether the condition of `until` holds, to be asked after each event that is listed.
 * @param listed what came of the events so far: `.` of the condition
 * @throws {ExpressionError}
 */
export function untilHolds(
  { until }: EventStrategy,
  listed: readonly Json[],
  { scope, context }: Evaluation,
): boolean {
  if (until === undefined || isStrategy(until)) return false;
  const value = until.evaluate(listed, scope(until.uses), context);
  return value !== false && value !== null;
}

/** What events the strategy can still use, for those who bring them. */
export function wanted(strategy: EventStrategy, state: StrategyState): readonly SubscribedFilter[] {
  const found: SubscribedFilter[] = [];
  for (const [number, filter] of filtersOf(strategy).entries()) {
    if (!isWanted(strategy, state, number)) continue;
    const keys = keysOf(filter, number, state);
    const each = { filter: filter.id, ...(keys === undefined ? {} : { keys }) };
    if (!found.some((other) => deepEqual(asJson(other), asJson(each)))) found.push(each);
  }
  return found;
}

function asJson({ filter, keys }: SubscribedFilter): Json {
  return keys === undefined ? [filter] : [filter, keys];
}

function isStrategy(until: Expression | EventStrategy | undefined): until is EventStrategy {
  return until !== undefined && "kind" in until;
}

/** All filters by number. */
function filtersOf({ filters, until }: EventStrategy): readonly EventFilterNode[] {
  return isStrategy(until) ? [...filters, ...until.filters] : filters;
}

function rank({ filters }: EventStrategy, number: number): number {
  return number < filters.length ? 1 : 0;
}

/** The strategy that the filter of this number belongs to, and the number of its first filter. */
function ownerOf(strategy: EventStrategy, number: number): readonly [EventStrategy, number] {
  const { filters, until } = strategy;
  return isStrategy(until) && number >= filters.length ? [until, filters.length] : [strategy, 0];
}

function isWanted(
  strategy: EventStrategy,
  { filled = [] }: StrategyState,
  number: number,
): boolean {
  const [{ kind }] = ownerOf(strategy, number);
  return kind !== "all" || !filled.includes(number);
}

function isSatisfied(strategy: EventStrategy, { filled = [] }: StrategyState, by: number): boolean {
  const [{ kind, filters, until }, first] = ownerOf(strategy, by);
  if (kind === "all") return filters.every((_, index) => filled.includes(first + index));
  return kind === "one" || until === undefined;
}

/** The event's correlation values when it passes the filter and they are as expected. */
function passing(
  filter: EventFilterNode,
  number: number,
  state: StrategyState,
  event: JsonObject,
  { scope, context }: Evaluation,
): Readonly<Record<string, Json>> | undefined {
  for (const test of filter.attributes)
    if (!attributePasses(test, event, scope(test.uses), context)) return undefined;
  const keys: [string, Json][] = [];
  for (const correlation of filter.correlate) {
    const value = correlationValue(correlation, event, context);
    if (value === undefined) return undefined;
    const expected = expectedOf(state, number, correlation.name);
    if (expected !== undefined && !deepEqual(value, expected)) return undefined;
    keys.push([correlation.name, value]);
  }
  return Object.fromEntries(keys);
}

function expectedOf(state: StrategyState, number: number, name: string): Json | undefined {
  return own(state.own?.[number], name) ?? own(state.fixed, name);
}

function own(record: Readonly<Record<string, Json>> | undefined, name: string): Json | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function consumedBy(
  strategy: EventStrategy,
  state: StrategyState,
  number: number,
  keys: Readonly<Record<string, Json>>,
): StrategyState {
  const [{ kind }] = ownerOf(strategy, number);
  const fixed = { ...keys, ...state.fixed };
  return {
    ...state,
    ...(kind === "all" ? { filled: [...(state.filled ?? []), number] } : {}),
    ...(Object.keys(fixed).length === 0 ? {} : { fixed }),
  };
}

/** The values a filter's correlations must have, once each is known. */
function keysOf(
  { correlate }: EventFilterNode,
  number: number,
  state: StrategyState,
): Readonly<Record<string, Json>> | undefined {
  if (correlate.length === 0) return undefined;
  const keys: [string, Json][] = [];
  for (const { name } of correlate) {
    const expected = expectedOf(state, number, name);
    if (expected === undefined) return undefined;
    keys.push([name, expected]);
  }
  return Object.fromEntries(keys);
}
