/** `for` and `fork` (DSL reference "For", "Fork"). */
import type { JsonObject } from "../json.ts";
import type { ForkNode, ForNode, TaskBase } from "../program.ts";
import { asObject, down, given, type Place, report, withVariables } from "./place.ts";
import { compileBranches, compileTaskList } from "./lists.ts";
import { conditionOf, STANDARD_VARIABLES } from "./expression.ts";
import { compileTransform } from "./template.ts";

export function compileFor(task: JsonObject, common: TaskBase, place: Place): ForNode {
  const at = down(place, "for");
  const loop = asObject(task.for);
  const each = variableName(loop, "each", "item", at);
  const index = variableName(loop, "at", "index", at);
  if (each === index) report(at, "value", `each and at are both "${each}": give them two names`);
  const inside = withVariables(place, each, index);
  return {
    ...common,
    kind: "for",
    each,
    at: index,
    in: compileTransform(loop.in ?? [], down(at, "in")),
    ...given("while", conditionOf(task, "while", inside)),
    tasks: compileTaskList(task.do, down(inside, "do")),
  };
}

export function compileFork(task: JsonObject, common: TaskBase, place: Place): ForkNode {
  const fork = asObject(task.fork);
  const branches = compileBranches(fork.branches, down(place, "fork", "branches"));
  return { ...common, kind: "fork", branches, compete: fork.compete === true };
}

/** The name of a variable that a task defines for the tasks inside it. */
export function variableName(
  holder: JsonObject,
  key: string,
  otherwise: string,
  place: Place,
): string {
  const name = holder[key];
  if (typeof name !== "string") return otherwise;
  const at = down(place, key);
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    const hint = name.startsWith("$") ? "; leave out the $" : "";
    report(at, "value", `"${name}" is not a variable name (letters, digits, _)${hint}`);
    return otherwise;
  }
  if (STANDARD_VARIABLES.includes(name)) {
    report(at, "value", `"${name}" would hide the standard variable $${name}; choose another name`);
  }
  return name;
}
