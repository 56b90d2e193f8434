/** Flow directives: a task's name becomes its index among its siblings (DSL reference "Flow Directive"). */
import type { Json } from "../json.ts";
import { suggestion } from "../nearest.ts";
import type { Flow } from "../program.ts";
import { type Place, report } from "./place.ts";

const CONTINUE: Flow = { kind: "continue" };

export function compileFlow(value: Json | undefined, place: Place): Flow {
  if (typeof value !== "string") return CONTINUE;
  if (value === "continue" || value === "exit" || value === "end") return { kind: value };
  const { siblings } = place;
  const index = siblings.indexOf(value);
  if (index !== -1) return { kind: "task", index };
  const hint = suggestion(value, [...siblings, "continue", "exit", "end"]);
  report(
    place,
    "flow",
    siblings.length === 0
      ? `expected continue, exit or end${hint}; there is no list to go on in here`
      : `no task "${value}" in this list${hint}; a flow cannot leave its own list`,
  );
  return CONTINUE;
}
