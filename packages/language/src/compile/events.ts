/** Events in definitions: consumption strategies, filters, iterators (DSL reference "Listen", "Event Filter"). */
import type { Json, JsonObject } from "../json.ts";
import type { SubscriptionIterator, TaskBase, UnsupportedNode } from "../program.ts";
import { variableName } from "./loops.ts";
import { asList, asObject, down, given, type Place, withVariables } from "./place.ts";
import { compileStep } from "./steps.ts";
import { compileTaskList } from "./lists.ts";
import { conditionOf } from "./expression.ts";
import { compileTemplate } from "./template.ts";

/** `listen` is checked like every task, but not run yet. */
export function compileListen(task: JsonObject, common: TaskBase, place: Place): UnsupportedNode {
  checkStrategy(asObject(task.listen).to, down(place, "listen", "to"));
  compileIterator(task.foreach, down(place, "foreach"));
  return { ...common, kind: "unsupported", feature: "listen" };
}

/** Compiles every expression of a strategy, to find what is wrong in it. */
export function checkStrategy(value: Json | undefined, place: Place): void {
  const strategy = asObject(value);
  for (const key of ["all", "any"] as const) {
    for (const [index, filter] of asList(strategy[key]).entries()) {
      checkFilter(asObject(filter), down(place, key, index));
    }
  }
  if (strategy.one !== undefined) checkFilter(asObject(strategy.one), down(place, "one"));
  if (typeof strategy.until === "string") conditionOf(strategy, "until", place);
  else if (strategy.until !== undefined) checkStrategy(strategy.until, down(place, "until"));
}

function checkFilter(filter: JsonObject, place: Place): void {
  compileTemplate(filter.with ?? {}, down(place, "with"));
  for (const [name, correlation] of Object.entries(asObject(filter.correlate))) {
    const at = down(place, "correlate", name);
    const { expect } = asObject(correlation);
    conditionOf(asObject(correlation), "from", at);
    if (expect !== undefined) compileTemplate(expect, down(at, "expect"));
  }
}

/** `foreach`: tasks per event or message, with the item and its index in scope. */
export function compileIterator(
  value: Json | undefined,
  place: Place,
): SubscriptionIterator | undefined {
  if (value === undefined) return undefined;
  const iterator = asObject(value);
  const item = variableName(iterator, "item", "item", place);
  const at = variableName(iterator, "at", "index", place);
  const inside = withVariables(place, item, at);
  return {
    item,
    at,
    tasks: iterator.do === undefined ? [] : compileTaskList(iterator.do, down(inside, "do")),
    ...given("output", compileStep(iterator.output, "as", down(inside, "output"))),
    ...given("export", compileStep(iterator.export, "as", down(inside, "export"))),
  };
}
