/** `millrace apply FILE…`: definitions to the server. */
import { MillraceError, type Workflow } from "@millrace/sdk";
import { type Format, readText } from "../arguments.ts";
import { type ClientOptions, connect, explain } from "../client.ts";
import { EXIT } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";

/** Goes on after a definition that is refused. @returns the exit code */
export async function apply(
  files: readonly string[],
  options: ClientOptions & { readonly output: Format },
): Promise<number> {
  const { workflows } = connect(options);
  const applied: Workflow[] = [];
  let exitCode: number = EXIT.ok;
  for (const file of files) {
    try {
      const workflow = await workflows.apply(readText(file));
      applied.push(workflow);
      const { namespace, name, version } = workflow;
      if (options.output === "text") print(`${namespace}/${name} ${version}`);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code === "unreachable") throw error;
      complain(`${file}:`);
      exitCode = Math.max(exitCode, explain(error));
    }
  }
  if (options.output === "json") printJson(applied);
  return exitCode;
}
