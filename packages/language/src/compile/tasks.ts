/** What all tasks have in common; each kind's own part is in `kinds.ts`. */
import type { JsonObject } from "../json.ts";
import type { TaskBase, TaskNode } from "../program.ts";
import { compileTimeout } from "./durations.ts";
import { conditionOf } from "./expression.ts";
import { extensionsFor } from "./extensions.ts";
import { compileFlow } from "./flow.ts";
import { compileKind } from "./kinds.ts";
import { down, given, type Place, report } from "./place.ts";
import { compileStep } from "./steps.ts";

/** Most tasks of one workflow. */
export const MAX_TASKS = 5_000;
/** Most tasks inside each other. */
export const MAX_DEPTH = 64;

/** Compiles one task and enters it among the program's nodes, under the pointer of its place. */
export function compileTask(name: string, task: JsonObject, place: Place): TaskNode {
  const common = compileCommon(name, task, place);
  const inside: Place = { ...place, depth: place.depth + 1 };
  const node = exceedsLimits(place)
    ? ({ ...common, kind: "unsupported", feature: name } as const)
    : compileKind(task, common, inside);
  const extensions = extensionsFor(node.kind, place.of.extensions);
  const complete: TaskNode = extensions.length === 0 ? node : { ...node, extensions };
  place.of.nodes.set(place.pointer, complete);
  return complete;
}

/** Says so once for the number, and at the outermost task that is too deep. */
function exceedsLimits(place: Place): boolean {
  const { nodes } = place.of;
  if (nodes.size === MAX_TASKS) {
    report(place, "limit", `more than ${MAX_TASKS} tasks: split the workflow`);
  }
  if (place.depth >= MAX_DEPTH) {
    report(place, "limit", `tasks nest deeper than ${MAX_DEPTH}: split the workflow`);
  }
  return nodes.size >= MAX_TASKS || place.depth >= MAX_DEPTH;
}

function compileCommon(name: string, task: JsonObject, place: Place): TaskBase {
  return {
    name,
    reference: place.pointer,
    definition: task,
    ...given("if", conditionOf(task, "if", place)),
    ...given("input", compileStep(task.input, "from", down(place, "input"))),
    ...given("output", compileStep(task.output, "as", down(place, "output"))),
    ...given("export", compileStep(task.export, "as", down(place, "export"))),
    ...given("timeout", compileTimeout(task.timeout, down(place, "timeout"))),
    // biome-ignore lint/suspicious/noThenProperty: the language's own name
    then: compileFlow(task.then, down(place, "then")),
  };
}
