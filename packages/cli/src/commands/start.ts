/** `millrace start NAMESPACE/NAME`. */
import type { Instance } from "@millrace/sdk";
import { isFinal, isTraceparent, parseDuration } from "@millrace/protocol";
import { type Format, readInput, readPriority, readWorkflowName } from "../arguments.ts";
import { type ClientOptions, connect, PATIENT } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";

export interface StartOptions extends ClientOptions {
  readonly input?: string;
  readonly version?: string;
  readonly priority?: string;
  readonly wait?: string;
  readonly idempotencyKey?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly output: Format;
}

/** @returns the exit code */
export async function start(workflow: string, options: StartOptions): Promise<number> {
  const { instances } = connect(options);
  const { version, priority, idempotencyKey, wait } = options;
  const longest = wait === undefined ? undefined : readWait(wait);
  const input = readInput(options.input);
  const request = {
    ...readWorkflowName(workflow),
    ...(input === undefined ? {} : { input }),
    ...(version === undefined ? {} : { version }),
    ...(priority === undefined ? {} : { priority: readPriority(priority) }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...readTrace(options),
  };
  const started = await instances.start(request);
  if (wait !== undefined && longest !== undefined)
    return waitForEnd(started.id, longest, wait, options);
  if (options.output === "json") printJson(started);
  else print(started.id);
  return EXIT.ok;
}

/** A server takes what it cannot read for absent: whoever mistypes it is to hear of it here. */
function readTrace({ traceparent, tracestate }: StartOptions) {
  if (traceparent === undefined) {
    if (tracestate === undefined) return {};
    throw new CommandError("--tracestate: needs --traceparent", EXIT.invalid);
  }
  if (!isTraceparent(traceparent))
    throw new CommandError(
      `--traceparent: ${traceparent}: expected one such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`,
      EXIT.invalid,
    );
  return { traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
}

/**
 * Waits for an instance that is started, and shows what became of it.
 * @returns the exit code
 */
export async function waitForEnd(
  id: string,
  longest: number,
  wait: string,
  options: ClientOptions & { readonly output: Format },
): Promise<number> {
  return report(await ended(id, longest, options), options.output, wait);
}

/**
 * The instance as it stands at its end or after `longest` milliseconds. Started and waited for in two requests, so that
 * its id is known whatever becomes of the server in between.
 */
async function ended(id: string, longest: number, options: ClientOptions): Promise<Instance> {
  const { instances } = connect(options, PATIENT);
  const limit = AbortSignal.timeout(longest);
  try {
    return await instances.wait(id, { signal: limit });
  } catch (error) {
    if (limit.aborted) return await instances.get(id);
    complain(`${id} is started, and goes on with its server`);
    throw error;
  }
}

/** Milliseconds. */
export function readWait(text: string): number {
  const milliseconds = parseDuration(text);
  // What a timer can be set to.
  if (milliseconds !== undefined && milliseconds < 2 ** 31) return milliseconds;
  throw new CommandError(`--wait: ${text}: expected one such as 30s or 2m`, EXIT.invalid);
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
