/** `run`: a process, or another workflow (DSL reference "Run"). */
import type { JsonObject } from "../json.ts";
import type { RunProcessNode, TaskBase, TaskNode, Template } from "../program.ts";
import type { Compilation } from "./compile.ts";
import { asObject, asText, type ExpressionCompiler } from "./expression.ts";

export function compileRun(
  run: JsonObject,
  common: TaskBase,
  { expressions }: Compilation,
  variables: readonly string[],
): TaskNode {
  const wait = run.await !== false;
  if (run.workflow !== undefined) {
    const child = asObject(run.workflow);
    return {
      ...common,
      kind: "workflow",
      namespace: asText(child.namespace),
      workflow: asText(child.name),
      version: typeof child.version === "string" ? child.version : "latest",
      ...(child.input === undefined
        ? {}
        : { arguments: expressions.template(child.input, variables) }),
      await: wait,
    };
  }
  const process = run.container ? "container" : run.script ? "script" : "shell";
  return {
    ...common,
    kind: "process",
    process,
    with: compileProcess(asObject(run[process]), process, expressions, variables),
    await: wait,
    return: (typeof run.return === "string" ? run.return : "stdout") as RunProcessNode["return"],
  };
}

/** A script's code is never touched: what looks like an expression there is the script's own. */
function compileProcess(
  written: JsonObject,
  process: RunProcessNode["process"],
  expressions: ExpressionCompiler,
  variables: readonly string[],
): Template {
  if (process !== "script" || written.code === undefined)
    return expressions.template(written, variables, { shell: process === "shell" });
  const { code, ...rest } = written;
  const template = expressions.template(rest, variables);
  return {
    uses: template.uses,
    evaluate: (input, scope, context) => ({
      ...asObject(template.evaluate(input, scope, context)),
      code,
    }),
  };
}
