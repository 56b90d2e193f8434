/** Which rules of the grammar a version of jq knows. */
import { TEMPLATES } from "./templates.ts";
import type { Template } from "./templates.ts";

/** Words that are no functions. */
const WORDS = new Set(
  "and or if then elif else end as def reduce foreach try catch label import include".split(" "),
);

/** The functions a text calls, as `name/arity`. */
export function callsOf(text: string): string[] {
  const calls: string[] = [];
  // Fields, variables, formats, keys, placeholders and what stands in strings are no calls; what is interpolated is.
  const bare = text
    .replaceAll(/\\\(([^()]*)\)/g, '" + ($1) + "')
    .replaceAll(/"(?:[^"\\]|\\[^(])*"/g, '""')
    .replaceAll(/«[^»]*»/g, "0")
    .replaceAll(/[.$@][A-Za-z_]\w*/g, "0");
  for (const match of bare.matchAll(/\b([a-z_]\w*)\b(\s*:)?/g)) {
    const [whole, name = "", colon] = match;
    if (WORDS.has(name) || colon !== undefined) continue;
    calls.push(`${name}/${arityAt(bare, match.index + whole.length)}`);
  }
  return calls;
}

/** Number of arguments in the parentheses that open at an offset; 0 when none do. */
function arityAt(text: string, from: number): number {
  if (text[from] !== "(") return 0;
  let arity = 1;
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at] as string;
    if ("([{".includes(char)) depth += 1;
    else if (")]}".includes(char)) depth -= 1;
    else if (char === ";" && depth === 1) arity += 1;
    if (depth === 0) return arity;
  }
  throw new Error(`no end of parentheses in ${text}`);
}

/** jq's own list leaves out what it does not compile to a call. */
const ALWAYS = new Set(["empty/0", "not/0", "path/1", "error/0", "range/2", "range/1"]);

/** The rules that call only what is known, so that no version is asked for what it does not have. */
export function templatesFor(version: string, builtins: ReadonlySet<string>): Template[] {
  return TEMPLATES.filter(
    ({ text, since }) =>
      !comesBefore(version, since) &&
      callsOf(text).every((call) => builtins.has(call) || ALWAYS.has(call)),
  );
}

/** Whether version a comes before version b. */
export function comesBefore(a: string, b: string): boolean {
  return a.localeCompare(b, "en", { numeric: true }) < 0;
}
