/** `millrace cancel|suspend|resume ID…`. */
import { type Instance, MillraceError } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect, explain } from "../client.ts";
import { EXIT } from "../exit.ts";
import { print, printJson } from "../output.ts";

export interface SignalOptions extends ClientOptions {
  readonly reason?: string;
  readonly output: Format;
}

/** Goes on after an instance that is refused. @returns the exit code */
export async function signal(
  kind: "cancel" | "suspend" | "resume",
  ids: readonly string[],
  options: SignalOptions,
): Promise<number> {
  const { instances } = connect(options);
  const { reason } = options;
  const changed: Instance[] = [];
  let exitCode: number = EXIT.ok;
  for (const id of ids) {
    try {
      const instance = await instances[kind](id, reason === undefined ? {} : { reason });
      changed.push(instance);
      if (options.output === "text") print(`${id} ${instance.status}`);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code === "unreachable") throw error;
      exitCode = Math.max(exitCode, explain(error));
    }
  }
  if (options.output === "json") printJson(changed);
  return exitCode;
}
