/** The common half of `run: shell` and `run: script`. */
import type { Json } from "@millrace/language";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { TimeLimitReached } from "../http/network-error.ts";
import type { CallServices } from "../services.ts";
import { argumentList, environmentOf, stdinOf } from "./arguments.ts";
import { outputOf } from "./result.ts";
import type { SandboxRequest } from "./sandbox/sandbox.ts";

/** Runs a command with the arguments, environment and standard input of the task. @throws {ActivityFailure} */
export async function runProcess(
  { type, input, return: wanted }: ActivityRequest,
  command: SandboxRequest,
  { sandbox }: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const what = type.replace(":", ": ");
  const stdin = stdinOf(input);
  const request = {
    ...command,
    arguments: [...(command.arguments ?? []), ...argumentList(input)],
    environment: environmentOf(input),
    ...(stdin === undefined ? {} : { stdin }),
  };
  try {
    return outputOf(what, await sandbox.runSandboxed(request, signal), wanted);
  } catch (error) {
    throw stopped(what, error) ?? error;
  }
}

/** What the workflow is told when the time was up. */
export function stopped(what: string, reason: unknown): ActivityFailure | undefined {
  if (!(reason instanceof TimeLimitReached)) return undefined;
  const detail = `${what}: the process was ended after ${reason.milliseconds} ms`;
  return new ActivityFailure("timeout", detail);
}
