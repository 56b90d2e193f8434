/** All builtin functions by name and arity. */
import type { Code } from "../compile/code.ts";
import { arrayBuiltins } from "./arrays.ts";
import type { Builder, Builtins } from "./define.ts";
import { dateBuiltins } from "./dates.ts";
import { generatorBuiltins } from "./generators.ts";
import { mathBuiltins } from "./math.ts";
import { objectBuiltins } from "./objects.ts";
import { pathBuiltins } from "./paths.ts";
import { regexBuiltins } from "./regex.ts";
import { sortingBuiltins } from "./sorting.ts";
import { stringBuiltins } from "./strings.ts";
import { typeBuiltins } from "./types.ts";
import { constant } from "../compile/code.ts";

const TABLES: readonly Builtins[] = [
  typeBuiltins,
  mathBuiltins,
  arrayBuiltins,
  sortingBuiltins,
  objectBuiltins,
  stringBuiltins,
  pathBuiltins,
  generatorBuiltins,
  dateBuiltins,
  regexBuiltins,
];

const ALL = new Map<string, Builder>(TABLES.flatMap((table) => Array.from(table)));

const names = [...ALL.keys(), "builtins/0"].filter((name) => !name.startsWith("_"));
ALL.set("builtins/0", (): Code => constant(names));

const NO_INPUT = "there is one input, which is `.`";
const NO_ENVIRONMENT = "programs cannot read the environment";
const NO_HALT = "programs cannot end the process";
const NO_FILES = "programs cannot read files";

const REFUSED = new Map<string, string>([
  ["input", NO_INPUT],
  ["inputs", NO_INPUT],
  ["input_line_number", NO_INPUT],
  ["input_filename", NO_FILES],
  ["env", NO_ENVIRONMENT],
  ["halt", NO_HALT],
  ["halt_error", NO_HALT],
  ["get_search_list", NO_FILES],
  ["get_prog_origin", NO_FILES],
  ["get_jq_origin", NO_FILES],
  ["modulemeta", NO_FILES],
]);

export function findBuiltin(name: string, arity: number): Builder | undefined {
  return ALL.get(`${name}/${arity}`);
}

/** Why a jq builtin is not offered, or undefined for names jq does not know. */
export function refusal(name: string): string | undefined {
  return REFUSED.get(name);
}
