/** `millrace schedule trigger | backfill`: instances that are not started by their time. */
import { type Format, readInput } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { EXIT } from "../../exit.ts";
import { print, printJson } from "../../output.ts";
import { readWait, waitForEnd } from "../start.ts";
import { readTime } from "./times.ts";

export interface TriggerOptions extends ClientOptions {
  readonly input?: string;
  readonly wait?: string;
  readonly idempotencyKey?: string;
  readonly output: Format;
}

/** @returns the exit code */
export async function triggerSchedule(name: string, options: TriggerOptions): Promise<number> {
  const { wait, idempotencyKey } = options;
  const longest = wait === undefined ? undefined : readWait(wait);
  const input = readInput(options.input);
  const started = await connect(options).schedules.trigger(name, {
    ...(input === undefined ? {} : { input }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
  if (wait !== undefined && longest !== undefined)
    return waitForEnd(started.id, longest, wait, options);
  if (options.output === "json") printJson(started);
  else print(started.id);
  return EXIT.ok;
}

export interface BackfillOptions extends ClientOptions {
  readonly from: string;
  readonly until: string;
  readonly overlap?: "allow" | "bufferAll";
  readonly output: Format;
}

export async function backfillSchedule(name: string, options: BackfillOptions): Promise<void> {
  const { overlap } = options;
  const accepted = await connect(options).schedules.backfill(name, {
    from: readTime("--from", options.from),
    until: readTime("--until", options.until),
    ...(overlap === undefined ? {} : { overlap }),
  });
  if (options.output === "json") printJson(accepted);
  else
    print(`${name}: ${accepted.times} times; \`millrace schedule decisions ${name}\` shows them`);
}
