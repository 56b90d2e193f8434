/** `use.functions`: compiled once, shared by all their callers (DSL reference "Use"). */
import { readablePath } from "../issue.ts";
import type { Json } from "../json.ts";
import type { TaskNode } from "../program.ts";
import { task } from "../schema/tasks.ts";
import { checkShape } from "../validate/structure.ts";
import { Walk } from "../validate/walk.ts";
import { STANDARD_VARIABLES } from "./expression.ts";
import { asObject, type Compilation, down, type Place, report } from "./place.ts";

/** The task of a function, compiled at its first call; `undefined` when it calls itself. */
export function compileFunction(
  name: string,
  definition: Json,
  caller: Place,
  variables: readonly string[] = STANDARD_VARIABLES,
): TaskNode | undefined {
  const { of } = caller;
  if (callsItself(name, caller)) return undefined;
  const place = { ...functionPlace(name, caller), variables };
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

/** Reports a circle of calls. */
function callsItself(name: string, caller: Place): boolean {
  const { calling } = caller.of;
  if (!calling.includes(name)) return false;
  const cycle = [...calling.slice(calling.indexOf(name)), name].join(" → ");
  report(down(caller, "call"), "recursion", `a function cannot call itself: ${cycle}`);
  return true;
}

/**
 * A function runs in a scope of its own. Called from an extension it is a copy without extensions (which would otherwise
 * run themselves for ever), under a reference of its own.
 */
function functionPlace(name: string, caller: Place): Place {
  const scope = { siblings: [] };
  if (caller.of.bare) return { ...down(caller, "call"), ...scope };
  return { ...down({ ...caller, pointer: "" }, "use", "functions", name), ...scope };
}

/** Functions from outside inside each other. */
const MAX_OUTSIDE = 8;
/** Issues of one function that are told where it is called. */
const MAX_ISSUES = 5;

/**
 * The task of a function from outside. It sees its arguments, the workflow's catalogs and nothing else of the workflow:
 * no secret, policy or function of `use`. What is wrong with it is told at its first call.
 */
export function compileExternalFunction(
  name: string,
  content: Json,
  caller: Place,
): TaskNode | undefined {
  const { of } = caller;
  const at = down(caller, "call");
  if (callsItself(name, caller)) return undefined;
  if (of.outside >= MAX_OUTSIDE) {
    report(at, "limit", `functions from outside call each other deeper than ${MAX_OUTSIDE}`);
    return undefined;
  }
  const { catalogs } = of.use;
  const inside: Compilation = {
    ...of,
    mode: "strict",
    definition: { use: { functions: { [name]: content } } },
    use: catalogs === undefined ? {} : { catalogs },
    secrets: new Set(),
    issues: [],
    warnings: [],
    outside: of.outside + 1,
  };
  const walk = new Walk();
  checkShape(task, content, walk);
  const place = { ...caller, of: inside };
  const node = walk.issues.length > 0 ? undefined : compileFunction(name, content, place, OUTSIDE);
  const prefix = `use.functions${readablePath([name])}`;
  for (const { code, path, message } of [...walk.issues, ...inside.issues].slice(0, MAX_ISSUES)) {
    const where = path.startsWith("use.functions")
      ? path.slice(prefix.length).replace(/^\./, "")
      : path;
    report(
      at,
      code,
      `function ${name}: ${[where, message].filter((part) => part !== "").join(": ")}`,
    );
  }
  return node;
}

/** Nobody asked a function from outside what the workflow's secrets are. */
const OUTSIDE = STANDARD_VARIABLES.filter((variable) => variable !== "secrets");
