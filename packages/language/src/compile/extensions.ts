/** `use.extensions`: which extend a kind of task, compiled (DSL reference "Extension"). */
import type { Json, JsonObject } from "../json.ts";
import type { Extension, TaskNode } from "../program.ts";
import { escapePointer } from "../issue.ts";
import { type Compilation, entryOf, listOf } from "./compile.ts";
import { asText, STANDARD_VARIABLES } from "./expression.ts";
import { compileTaskList } from "./tasks.ts";

/** What `extend` calls each kind of node. */
const KINDS: Readonly<Partial<Record<TaskNode["kind"], string>>> = {
  do: "composite",
  function: "call",
  process: "run",
  workflow: "run",
};

const compiled = new WeakMap<JsonObject, readonly (Extension & { extend: string })[]>();

/** The extensions of the workflow that apply to this kind, in declared order. */
export function extensionsFor(
  kind: TaskNode["kind"],
  compilation: Compilation,
): readonly Extension[] {
  if (!compilation.extend) return [];
  const wanted = KINDS[kind] ?? kind;
  return compileExtensions(compilation).filter(
    ({ extend }) => extend === "all" || extend === wanted,
  );
}

/** All extensions, compiled once for a workflow. */
export function compileExtensions(
  compilation: Compilation,
): readonly (Extension & { extend: string })[] {
  const known = compiled.get(compilation.use);
  if (known !== undefined) return known;
  const inside: Compilation = { ...compilation, extend: false };
  const result = listOf(compilation.use.extensions).map((item, index) => {
    const [name, written] = entryOf(item);
    const reference = `/use/extensions/${index}/${escapePointer(name)}`;
    const list = (key: "before" | "after"): Json | undefined => written[key];
    const tasks = (key: "before" | "after") =>
      list(key) === undefined
        ? {}
        : { [key]: compileTaskList(list(key), `${reference}/${key}`, inside, STANDARD_VARIABLES) };
    const when =
      typeof written.when === "string"
        ? { when: compilation.expressions.expression(written.when, STANDARD_VARIABLES) }
        : {};
    return { name, extend: asText(written.extend), ...when, ...tasks("before"), ...tasks("after") };
  });
  compiled.set(compilation.use, result);
  return result;
}
