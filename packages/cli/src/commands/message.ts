/** `millrace message put|get|delete`. */
import { type Format, readText } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { complain, print, printJson } from "../output.ts";

type Options = ClientOptions & { readonly output: Format };

/** @param message the text; `-` for what standard input holds, to its last byte */
export async function putMessage(message: string, options: Options): Promise<void> {
  const digest = await connect(options).messages.put(message === "-" ? readText("-") : message);
  if (options.output === "json") printJson({ digest });
  else print(digest);
}

export async function getMessage(digest: string, options: Options): Promise<void> {
  const message = await connect(options).messages.get(digest);
  if (options.output === "json") printJson({ message });
  else print(message);
}

export async function deleteMessages(
  digests: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const { messages } = connect(options);
  for (const digest of digests) {
    await messages.delete(digest);
    complain(`${digest}: deleted`);
  }
}
