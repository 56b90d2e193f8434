/** `use.extensions`: compiled once, attached to the tasks they extend (DSL reference "Extension"). */
import type { Extension, TaskNode } from "../program.ts";
import { asList, asText, down, entryOf, given, type Place } from "./place.ts";
import { compileTaskList } from "./lists.ts";
import { conditionOf } from "./expression.ts";

export type KindExtension = Extension & { readonly extend: string };

/** What `extend` calls the kinds of node whose name differs. */
const KINDS: Readonly<Partial<Record<TaskNode["kind"], string>>> = {
  do: "composite",
  function: "call",
  process: "run",
  workflow: "run",
};

/** The extensions that apply to this kind, in declared order. */
export function extensionsFor(
  kind: TaskNode["kind"],
  extensions: readonly KindExtension[],
): readonly Extension[] {
  const wanted = KINDS[kind] ?? kind;
  return extensions.filter(({ extend }) => extend === "all" || extend === wanted);
}

/** Compiles `use.extensions`; the tasks inside are not extended themselves. */
export function compileExtensions(root: Place): readonly KindExtension[] {
  const bare: Place = { ...root, of: { ...root.of, extensions: [], bare: true } };
  return asList(root.of.use.extensions).map((item, index) => {
    const [name, written] = entryOf(item);
    const place = down(bare, "use", "extensions", index, name);
    const tasks = (key: "before" | "after") =>
      written[key] === undefined ? undefined : compileTaskList(written[key], down(place, key));
    return {
      name,
      extend: asText(written.extend),
      ...given("when", conditionOf(written, "when", place)),
      ...given("before", tasks("before")),
      ...given("after", tasks("after")),
    };
  });
}
