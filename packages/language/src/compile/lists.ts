/** Lists of named tasks. */
import type { Json, JsonObject } from "../json.ts";
import type { TaskList } from "../program.ts";
import { asList, down, entryOf, type Place, report } from "./place.ts";

/** Compiles the list of named tasks at this place. */
export function compileTaskList(value: Json | undefined, place: Place): TaskList {
  const entries = asList(value).map(entryOf);
  const names = entries.map(([name]) => name);
  reportDuplicates(names, place);
  return compileEntries(entries, { ...place, siblings: names });
}

/** Like a list, but no entry may send the flow to another: they run side by side. */
export function compileBranches(value: Json | undefined, place: Place): TaskList {
  const entries = asList(value).map(entryOf);
  reportDuplicates(
    entries.map(([name]) => name),
    place,
  );
  return compileEntries(entries, { ...place, siblings: [] });
}

function compileEntries(
  entries: readonly (readonly [string, JsonObject])[],
  place: Place,
): TaskList {
  return entries.map(([name, task], index) =>
    place.of.compileTask(name, task, down(place, index, name)),
  );
}

function reportDuplicates(names: readonly string[], place: Place): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) {
      const message = `there is already a task "${name}" in this list; \`then\` could not tell them apart`;
      report(down(place, index, name), "duplicate-task", message);
    }
    seen.add(name);
  }
}
