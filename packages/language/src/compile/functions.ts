/** `use.functions`: compiled once, shared by all their callers (DSL reference "Use"). */
import type { Json } from "../json.ts";
import type { TaskNode } from "../program.ts";
import { STANDARD_VARIABLES } from "./expression.ts";
import { asObject, down, type Place, report } from "./place.ts";

/** The task of a function, compiled at its first call; `undefined` when it calls itself. */
export function compileFunction(
  name: string,
  definition: Json,
  caller: Place,
): TaskNode | undefined {
  const { of } = caller;
  if (of.calling.includes(name)) {
    const cycle = [...of.calling.slice(of.calling.indexOf(name)), name].join(" → ");
    report(down(caller, "call"), "recursion", `a function cannot call itself: ${cycle}`);
    return undefined;
  }
  const place = functionPlace(name, caller);
  const known = of.nodes.get(place.pointer);
  if (known !== undefined) return known;
  return of.compileTask(name, asObject(definition), {
    ...place,
    of: {
      ...of,
      calling: [...of.calling, name],
      // What is wrong with a function is said once, where it is defined, not again for each copy.
      ...(of.bare ? { issues: [], warnings: [] } : {}),
    },
  });
}

/**
 * A function runs in a scope of its own. Called from an extension it is a copy without extensions (which would otherwise
 * run themselves for ever), under a reference of its own.
 */
function functionPlace(name: string, caller: Place): Place {
  const scope = { variables: STANDARD_VARIABLES, siblings: [] };
  if (caller.of.bare) return { ...down(caller, "call"), ...scope };
  return { ...down({ ...caller, pointer: "" }, "use", "functions", name), ...scope };
}
