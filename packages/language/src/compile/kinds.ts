/** Turns each kind of task into its node (DSL reference "Tasks"). */
import { canonicalErrorType } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { EmitNode, RaiseNode, SwitchNode, TaskBase, TaskNode, Template } from "../program.ts";
import { compileCall } from "./calls.ts";
import { compileTry } from "./catch.ts";
import { compileDuration } from "./durations.ts";
import { compileListen } from "./events.ts";
import { compileFlow } from "./flow.ts";
import { compileFor, compileFork } from "./loops.ts";
import { asList, asObject, down, entryOf, given, type Place, report } from "./place.ts";
import { compileRun } from "./run.ts";
import { compileTaskList } from "./lists.ts";
import { conditionOf } from "./expression.ts";
import { compileTemplate, compileTransform } from "./template.ts";
import { lookUp } from "./use.ts";

export function compileKind(task: JsonObject, common: TaskBase, place: Place): TaskNode {
  if (task.call !== undefined) return compileCall(task, common, place);
  if (task.for !== undefined) return compileFor(task, common, place);
  if (task.do !== undefined) {
    return { ...common, kind: "do", tasks: compileTaskList(task.do, down(place, "do")) };
  }
  if (task.fork !== undefined) return compileFork(task, common, place);
  if (task.emit !== undefined) return compileEmit(task, common, place);
  if (task.listen !== undefined) return compileListen(task, common, place);
  if (task.raise !== undefined) return compileRaise(task, common, place);
  if (task.run !== undefined) return compileRun(asObject(task.run), common, down(place, "run"));
  if (task.set !== undefined) {
    return { ...common, kind: "set", value: compileTransform(task.set, down(place, "set")) };
  }
  if (task.switch !== undefined) return compileSwitch(task, common, place);
  if (task.try !== undefined) return compileTry(task, common, place);
  return {
    ...common,
    kind: "wait",
    duration: compileDuration(task.wait ?? null, down(place, "wait")),
  };
}

function compileSwitch(task: JsonObject, common: TaskBase, place: Place): SwitchNode {
  const list = down(place, "switch");
  let defaults = 0;
  const cases = asList(task.switch).map((item, index) => {
    const [name, written] = entryOf(item);
    const at = down(list, index, name);
    if (written.when === undefined && ++defaults === 2) {
      report(at, "choice", "a second default case: all cases but one need `when`");
    }
    const flow = compileFlow(written.then, down(at, "then"));
    // biome-ignore lint/suspicious/noThenProperty: the language's own name
    return { name, ...given("when", conditionOf(written, "when", at)), then: flow };
  });
  return { ...common, kind: "switch", cases };
}

function compileEmit(task: JsonObject, common: TaskBase, place: Place): EmitNode {
  const at = down(place, "emit", "event", "with");
  const event = asObject(asObject(task.emit).event).with;
  if (event === undefined) report(at, "required", "required");
  return { ...common, kind: "emit", event: compileTemplate(event ?? {}, at) };
}

/** `raise.error`: inline, or the name of one in `use.errors`. */
function compileRaise(task: JsonObject, common: TaskBase, place: Place): RaiseNode {
  const written = asObject(task.raise).error ?? null;
  const at = down(place, "raise", "error");
  const used =
    typeof written === "string" ? lookUp("errors", written, at) : { value: written, place: at };
  const error = asObject(used?.value);
  const template = compileTemplate(canonicalType(error), used?.place ?? at);
  return { ...common, kind: "raise", error: withCanonicalType(template) };
}

/** A standard error's type in its canonical form; anything else as written. */
function canonicalType(error: JsonObject): JsonObject {
  return typeof error.type === "string"
    ? { ...error, type: canonicalErrorType(error.type) }
    : error;
}

/** The same for a type that an expression gives. */
function withCanonicalType(template: Template): Template {
  if (template.constant !== undefined) return template;
  return {
    uses: template.uses,
    evaluate: (input: Json, scope, context) =>
      canonicalType(asObject(template.evaluate(input, scope, context))),
  };
}
