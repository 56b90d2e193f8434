/** `run`: a process, or another workflow (DSL reference "Run"). */
import type { JsonObject } from "../json.ts";
import type { RunProcessNode, TaskBase, TaskNode, Template } from "../program.ts";
import { withPolicies } from "./authentication.ts";
import { asObject, asText, down, given, type Place, report } from "./place.ts";
import { compileObject, compileTemplate, shellText, untouched } from "./template.ts";

/** `place` is that of `run` itself. */
export function compileRun(run: JsonObject, common: TaskBase, place: Place): TaskNode {
  const wait = run.await !== false;
  if (run.workflow !== undefined) {
    const child = asObject(run.workflow);
    const { input } = child;
    const at = down(place, "workflow", "input");
    return {
      ...common,
      kind: "workflow",
      namespace: asText(child.namespace),
      workflow: asText(child.name),
      version: typeof child.version === "string" ? child.version : "latest",
      ...given("arguments", input === undefined ? undefined : compileTemplate(input, at)),
      await: wait,
    };
  }
  const process = (["container", "script"] as const).find((kind) => kind in run) ?? "shell";
  return {
    ...common,
    kind: "process",
    process,
    with: compileProcess(asObject(run[process]), down(place, process)),
    await: wait,
    return: (typeof run.return === "string" ? run.return : "stdout") as RunProcessNode["return"],
  };
}

/** A script's code is never touched, and a command keeps the shell's own `${VAR}`. */
function compileProcess(written: JsonObject, place: Place): Template {
  const resolved = withPolicies(written, [["source", "endpoint", "authentication"]], place);
  const at: Place = { ...place, defers: true };
  const template = compileObject(resolved, at, { code: untouched, command: shellText });
  for (const { path } of (template.deferred ?? []).filter(({ uses }) =>
    uses.includes("authorization"),
  ))
    report(down(place, ...path), "variable", "$authorization is there in calls only");
  return template;
}
