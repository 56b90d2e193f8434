/** What a compilation begins with. */
import { asList, asObject, type Compilation, type Place } from "./place.ts";
import type { JsonObject } from "../json.ts";
import type { Resources } from "../external.ts";
import { JqCache } from "./jq.ts";
import { STANDARD_VARIABLES } from "./expression.ts";

/** What the host has found outside. */
export interface Outside {
  readonly resources?: Resources;
  /** Why something could not be had, by id. */
  readonly failures?: Readonly<Record<string, string>>;
}

export function startCompilation(
  definition: JsonObject,
  { resources = {}, failures = {} }: Outside,
  compileTask: Compilation["compileTask"],
): Compilation {
  const use = asObject(definition.use);
  return {
    mode: asObject(definition.evaluate).mode === "loose" ? "loose" : "strict",
    definition,
    use,
    secrets: new Set(asList(use.secrets).map(String)),
    nodes: new Map(),
    filters: new Map(),
    issues: [],
    warnings: [],
    jq: new JqCache(),
    calling: [],
    extensions: [],
    bare: false,
    resources,
    failures,
    missing: new Map(),
    outside: 0,
    compileTask,
  };
}

export function rootPlace(of: Compilation): Place {
  return { of, pointer: "", variables: STANDARD_VARIABLES, siblings: [], depth: 0 };
}
