/** What each kind of task becomes (DSL reference "Task"). The kind is told by its key. */
import { canonicalErrorType } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type {
  ForkNode,
  ForNode,
  RaiseNode,
  SwitchNode,
  TaskBase,
  TaskNode,
  WaitNode,
} from "../program.ts";
import { compileCall } from "./calls.ts";
import { compileTry } from "./catch.ts";
import { type Compilation, entryOf, listOf } from "./compile.ts";
import { compileDuration } from "./durations.ts";
import { asObject } from "./expression.ts";
import { compileRun } from "./run.ts";
import { compileFlow, compileTaskList } from "./tasks.ts";

/** Turns a task into the node of its kind. `siblings` are the names its flow may target. */
export function compileKind(
  task: JsonObject,
  common: TaskBase,
  siblings: readonly string[],
  compilation: Compilation,
  variables: readonly string[],
): TaskNode {
  const { expressions } = compilation;
  const { reference } = common;
  if (task.call !== undefined) return compileCall(task, common, compilation, variables);
  if (task.run !== undefined) return compileRun(asObject(task.run), common, compilation, variables);
  if (task.for !== undefined) return compileFor(task, common, compilation, variables);
  if (task.try !== undefined) return compileTry(task, common, siblings, compilation, variables);
  if (task.fork !== undefined) return compileFork(task, common, compilation, variables);
  if (task.do !== undefined) {
    const tasks = compileTaskList(task.do, `${reference}/do`, compilation, variables);
    return { ...common, kind: "do", tasks };
  }
  if (task.set !== undefined)
    return { ...common, kind: "set", value: expressions.template(task.set, variables) };
  if (task.switch !== undefined)
    return compileSwitch(task, common, siblings, compilation, variables);
  if (task.raise !== undefined) return compileRaise(task, common, compilation, variables);
  if (task.wait !== undefined) return compileWait(task.wait, common, compilation, variables);
  if (task.emit !== undefined) {
    const event = asObject(asObject(asObject(task.emit).event).with);
    return { ...common, kind: "emit", event: expressions.template(event, variables) };
  }
  return { ...common, kind: "unsupported", feature: task.listen === undefined ? "task" : "listen" };
}

function compileWait(
  wait: Json,
  common: TaskBase,
  { expressions }: Compilation,
  variables: readonly string[],
): WaitNode {
  return { ...common, kind: "wait", duration: compileDuration(wait, expressions, variables) };
}

function compileSwitch(
  task: JsonObject,
  common: TaskBase,
  siblings: readonly string[],
  { expressions }: Compilation,
  variables: readonly string[],
): SwitchNode {
  const cases = listOf(task.switch).map((item) => {
    const [name, written] = entryOf(item);
    const when =
      typeof written.when === "string"
        ? { when: expressions.expression(written.when, variables) }
        : {};
    return { name, ...when, then: compileFlow(written.then, siblings) };
  });
  return { ...common, kind: "switch", cases };
}

function compileFor(
  task: JsonObject,
  common: TaskBase,
  compilation: Compilation,
  variables: readonly string[],
): ForNode {
  const { expressions } = compilation;
  const loop = asObject(task.for);
  const each = typeof loop.each === "string" ? loop.each : "item";
  const at = typeof loop.at === "string" ? loop.at : "index";
  const inside = [...new Set([...variables, each, at])];
  return {
    ...common,
    kind: "for",
    each,
    at,
    in: expressions.transform(loop.in ?? [], variables),
    ...(typeof task.while === "string"
      ? { while: expressions.expression(task.while, inside) }
      : {}),
    tasks: compileTaskList(task.do, `${common.reference}/do`, compilation, inside),
  };
}

function compileFork(
  task: JsonObject,
  common: TaskBase,
  compilation: Compilation,
  variables: readonly string[],
): ForkNode {
  const fork = asObject(task.fork);
  const reference = `${common.reference}/fork/branches`;
  const branches = compileTaskList(fork.branches, reference, compilation, variables);
  return { ...common, kind: "fork", branches, compete: fork.compete === true };
}

/** `raise.error`: inline, or the name of one in `use.errors`. */
function compileRaise(
  task: JsonObject,
  common: TaskBase,
  { expressions, use }: Compilation,
  variables: readonly string[],
): RaiseNode {
  const given = asObject(task.raise).error;
  const written = asObject(typeof given === "string" ? asObject(use.errors)[given] : given);
  const error = expressions.template(canonicalType(written), variables);
  return { ...common, kind: "raise", error };
}

/** A standard error's type in its canonical form; anything else as written. */
function canonicalType(error: JsonObject): JsonObject {
  return isObject(error) && typeof error.type === "string"
    ? { ...error, type: canonicalErrorType(error.type) }
    : error;
}
