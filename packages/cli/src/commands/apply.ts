/** `millrace apply FILE…`: definitions to the server. */
import { MillraceError, type Workflow } from "@millrace/sdk";
import { type Format, readText } from "../arguments.ts";
import { type ClientOptions, connect, explain } from "../client.ts";
import { EXIT } from "../exit.ts";
import { print, printJson } from "../output.ts";

/** Goes on after a definition that is refused. @returns the exit code */
export async function apply(
  files: readonly string[],
  options: ClientOptions & { readonly output: Format },
): Promise<number> {
  const { workflows } = connect(options);
  const texts = files.map((file) => [file, readText(file)] as const);
  const applied: Workflow[] = [];
  let exitCode: number = EXIT.ok;
  for (const [file, text] of texts) {
    try {
      const workflow = await workflows.apply(text);
      applied.push(workflow);
      const { namespace, name, version } = workflow;
      if (options.output === "text") print(`${namespace}/${name} ${version}`);
    } catch (error) {
      // The other files are not to blame; without a server none of them gets anywhere.
      if (!(error instanceof MillraceError) || error.code === "unreachable") throw error;
      exitCode = Math.max(exitCode, explain(error, file));
    }
  }
  if (options.output === "json") printJson(applied);
  return exitCode;
}
