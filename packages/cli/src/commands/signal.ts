/** `millrace cancel|suspend|resume ID…`. */
import type { Instance } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { print, printJson } from "../output.ts";

export interface SignalOptions extends ClientOptions {
  readonly reason?: string;
  readonly output: Format;
}

export async function signal(
  kind: "cancel" | "suspend" | "resume",
  ids: readonly string[],
  options: SignalOptions,
): Promise<void> {
  const { instances } = connect(options);
  const { reason } = options;
  const changed: Instance[] = [];
  for (const id of ids) {
    const instance = await instances[kind](id, reason === undefined ? {} : { reason });
    changed.push(instance);
    if (options.output === "text") print(`${id} ${instance.status}`);
  }
  if (options.output === "json") printJson(changed);
}
