/** `millrace retry ID [--from TASK] [--input JSON] [--wait DURATION]`. */
import { type Format, readInput } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { EXIT } from "../exit.ts";
import { print, printJson } from "../output.ts";
import { readWait, waitForEnd } from "./start.ts";

export interface RetryCommandOptions extends ClientOptions {
  readonly from?: string;
  readonly input?: string;
  readonly wait?: string;
  readonly output: Format;
}

/** @returns the exit code */
export async function retry(id: string, options: RetryCommandOptions): Promise<number> {
  const { from, wait } = options;
  const longest = wait === undefined ? undefined : readWait(wait);
  const input = readInput(options.input);
  const instance = await connect(options).instances.retry(id, {
    ...(from === undefined ? {} : { from }),
    ...(input === undefined ? {} : { input }),
  });
  if (wait !== undefined && longest !== undefined) return waitForEnd(id, longest, wait, options);
  if (options.output === "json") printJson(instance);
  else print(`${id} ${instance.status}`);
  return EXIT.ok;
}
