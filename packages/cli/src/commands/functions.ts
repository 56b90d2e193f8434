/** `millrace function …`: the server's default catalog, whose functions workflows call as `name:version@default`. */
import { type FunctionRef, MillraceError } from "@millrace/sdk";
import { type Format, readText } from "../arguments.ts";
import { type ClientOptions, connect, explain } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { print, printJson } from "../output.ts";

type Options = ClientOptions & { readonly output: Format };

/** @returns the exit code */
export async function putFunction(name: string, file: string, options: Options): Promise<number> {
  const text = readText(file);
  try {
    const put = await connect(options).functions.put(refOf(name), text);
    if (options.output === "json") printJson(put);
    else print(`${put.name}:${put.version}@default`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code === "unreachable") throw error;
    return explain(error, file);
  }
}

export async function getFunction(name: string, options: Options): Promise<void> {
  const found = await connect(options).functions.get(refOf(name));
  if (options.output === "json") printJson(found);
  else print(found.text.replace(/\n$/, ""));
}

export async function deleteFunction(name: string, options: ClientOptions): Promise<void> {
  await connect(options).functions.delete(refOf(name));
}

/** `log:1.0.0`, with or without `@default`. */
function refOf(text: string): FunctionRef {
  const [, name, version] = /^([^:@\s]+):([^:@\s]+?)(?:@default)?$/.exec(text) ?? [];
  if (name !== undefined && version !== undefined) return { name, version };
  throw new CommandError(`${text}: expected NAME:VERSION, such as log:1.0.0`, EXIT.invalid);
}
