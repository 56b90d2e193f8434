/** References into `use`, the workflow's reusable components (DSL reference "Use"). */
import type { Json } from "../json.ts";
import { suggestion } from "../nearest.ts";
import { asObject, down, type Place, report } from "./place.ts";

type Section = "authentications" | "errors" | "retries" | "timeouts" | "functions" | "catalogs";

export interface Used {
  readonly value: Json;
  /** Where it is defined; in scope is what is in scope where it is used. */
  readonly place: Place;
}

/** What a name stands for; an unknown one is reported where it is used. */
export function lookUp(section: Section, name: string, place: Place): Used | undefined {
  const known = asObject(place.of.use[section]);
  if (Object.hasOwn(known, name)) {
    const root: Place = { ...place, pointer: "" };
    return { value: known[name] ?? null, place: down(root, "use", section, name) };
  }
  const hint = suggestion(name, Object.keys(known));
  report(place, "reference", `use.${section} has no "${name}"${hint}`);
  return undefined;
}
