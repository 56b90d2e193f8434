/** Definitions from files, with every issue told. */
import { formatIssue, load, type Program } from "@millrace/language";
import { readText } from "./arguments.ts";
import { complain } from "./output.ts";

/** The program of a definition; `undefined` when it has issues, which then are on standard error. */
export function readProgram(file: string): Program | undefined {
  const loaded = load(readText(file), { file });
  if (loaded.ok) return loaded.program;
  for (const issue of loaded.issues) complain(formatIssue(issue));
  return undefined;
}
