/** `run: shell`: a command for /bin/sh. */
import type { Json } from "@millrace/language";
import type { ActivityRequest } from "../executor.ts";
import type { CallServices } from "../services.ts";
import { requiredText } from "./arguments.ts";
import { checkTurnedOn } from "./config.ts";
import { runProcess } from "./sandboxed.ts";

/** The arguments are the shell's `$1`, `$2`, …: never part of its program text. @throws {ActivityFailure} */
export async function runShell(
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  checkTurnedOn(services.runs, "shell");
  const command = requiredText(request.input, "command");
  const shell = { command: "/bin/sh", arguments: ["-c", command, "sh"] };
  return runProcess(request, shell, services, signal);
}
