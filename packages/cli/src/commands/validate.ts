/** `millrace validate FILE…`: every issue of every definition, offline. */
import { formatIssue, load } from "@millrace/language";
import { type Format, readText } from "../arguments.ts";
import { EXIT } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";

/** @returns the exit code */
export function validate(files: readonly string[], options: { readonly output: Format }): number {
  const results = files.map((file) => ({ file, loaded: load(readText(file), { file }) }));
  if (options.output === "json") {
    printJson(
      results.map(({ file, loaded }) => ({
        file,
        valid: loaded.ok,
        issues: loaded.ok ? loaded.warnings : loaded.issues,
      })),
    );
  } else {
    for (const { file, loaded } of results) {
      for (const issue of loaded.ok ? loaded.warnings : loaded.issues) complain(formatIssue(issue));
      if (loaded.ok) {
        const { namespace, name, version } = loaded.program;
        print(`${file}: valid (${namespace}/${name} ${version})`);
        for (const { id } of loaded.missing) complain(`${file}: not looked at: ${id}`);
      }
    }
  }
  return results.every(({ loaded }) => loaded.ok) ? EXIT.ok : EXIT.invalid;
}
