/** `millrace message put|get|delete`. */
import { isUtf8 } from "node:buffer";
import { buffer } from "node:stream/consumers";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";

type Options = ClientOptions & { readonly output: Format };

/** @param message the text; `-` for what standard input holds, to its last byte */
export async function putMessage(message: string, options: Options): Promise<void> {
  const text = message === "-" ? await standardInput() : message;
  const digest = await connect(options).messages.put(text);
  if (options.output === "json") printJson({ digest });
  else print(digest);
}

/** Bytes that are no text would come back as others. */
async function standardInput(): Promise<string> {
  const bytes = await buffer(process.stdin);
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new CommandError(
    "standard input is not UTF-8; millrace payload put - stores any bytes",
    EXIT.invalid,
  );
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
