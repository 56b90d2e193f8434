/** `millrace start NAMESPACE/NAME`. */
import type { Instance } from "@millrace/sdk";
import { isFinal, parseDuration } from "@millrace/protocol";
import { type Format, readInput, readWorkflowName } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";

export interface StartOptions extends ClientOptions {
  readonly input?: string;
  readonly version?: string;
  readonly wait?: string;
  readonly idempotencyKey?: string;
  readonly output: Format;
}

/** @returns the exit code */
export async function start(workflow: string, options: StartOptions): Promise<number> {
  const { instances } = connect(options);
  const { version, idempotencyKey, wait } = options;
  const input = readInput(options.input);
  const request = {
    ...readWorkflowName(workflow),
    ...(input === undefined ? {} : { input }),
    ...(version === undefined ? {} : { version }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  if (wait !== undefined) {
    if (parseDuration(wait) === undefined)
      throw new CommandError(`--wait: ${wait}: expected one such as 30s or 2m`, EXIT.invalid);
    return report(await instances.startAndWait({ ...request, wait }), options.output, wait);
  }
  const started = await instances.start(request);
  if (options.output === "json") printJson(started);
  else print(started.id);
  return EXIT.ok;
}

function report(instance: Instance, format: Format, wait: string): number {
  const { id, status, output, error } = instance;
  if (format === "json") printJson(instance);
  else if (status === "completed") printJson(output);
  else if (error !== undefined) complain(describeError(error));
  else if (isFinal(status)) complain(`the workflow was ${status}`);
  else
    complain(`${id} is ${status} after ${wait}; \`millrace describe ${id}\` shows how it goes on`);
  return status === "completed" ? EXIT.ok : EXIT.failed;
}
