/** Events in definitions: consumption strategies, filters, iterators (DSL reference "Listen", "Event Filter"). */
import type { Json, JsonObject } from "../json.ts";
import type {
  EventRead,
  EventStrategy,
  ListenNode,
  SubscriptionIterator,
  TaskBase,
} from "../program.ts";
import { variableName } from "./loops.ts";
import { asList, asObject, down, given, type Place, withVariables } from "./place.ts";
import { compileStep } from "./steps.ts";
import { compileTaskList } from "./lists.ts";
import { compileExpression } from "./expression.ts";
import { compileFilter } from "./filters.ts";

export function compileListen(task: JsonObject, common: TaskBase, place: Place): ListenNode {
  const listen = asObject(task.listen);
  return {
    ...common,
    kind: "listen",
    to: compileStrategy(listen.to, down(place, "listen", "to")),
    read: readOf(listen.read),
    ...given("foreach", compileIterator(task.foreach, down(place, "foreach"))),
  };
}

/** `read`: the data, unless said otherwise. */
export function readOf(value: Json | undefined): EventRead {
  return value === "envelope" || value === "raw" ? value : "data";
}

export function compileStrategy(value: Json | undefined, place: Place): EventStrategy {
  const strategy = asObject(value);
  const kind = KINDS.find((key) => strategy[key] !== undefined) ?? "any";
  const at = down(place, kind);
  const until = down(place, "until");
  const filters =
    kind === "one"
      ? [compileFilter(asObject(strategy.one), at)]
      : asList(strategy[kind]).map((filter, index) =>
          compileFilter(asObject(filter), down(at, index)),
        );
  if (kind === "any" && filters.length === 0) filters.push(compileFilter({}, at));
  if (strategy.until === undefined) return { kind, filters };
  if (typeof strategy.until === "string")
    return { kind, filters, until: compileExpression(strategy.until, until) };
  return { kind, filters, until: compileStrategy(strategy.until, until) };
}
const KINDS = ["one", "all", "any"] as const;

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
