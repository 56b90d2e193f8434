/** The client that a command talks to its server with, and the server's refusals as one line each. */
import { MillraceClient, type MillraceError, type RetryOptions } from "@millrace/sdk";
import { CommandError, EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { DEFAULT_URL } from "./url.ts";

export interface ClientOptions {
  readonly url?: string;
  readonly apiKey?: string;
}

/** A person is waiting: a server that is not there should be told soon. */
const FEW: RetryOptions = { retries: 2 };
/** For a server that was there and may restart: about two minutes. */
export const PATIENT: RetryOptions = { retries: 16 };

/** @param retry more patience than a command has otherwise */
export function connect(options: ClientOptions, retry = FEW): MillraceClient {
  // A variable that is set to nothing says nothing.
  const apiKey = options.apiKey ?? (process.env["MILLRACE_API_KEY"] || undefined);
  const url = options.url ?? (process.env["MILLRACE_URL"] || DEFAULT_URL);
  try {
    return new MillraceClient({ url, ...(apiKey === undefined ? {} : { apiKey }), retry });
  } catch (error) {
    throw new CommandError(fault((error as TypeError).message, options), EXIT.invalid);
  }
}

/** The client names its option; a person needs to know which of theirs it came from. */
function fault(message: string, options: ClientOptions): string {
  const sources = {
    url: options.url === undefined ? "MILLRACE_URL" : "--url",
    apiKey: options.apiKey === undefined ? "MILLRACE_API_KEY" : "--api-key",
  };
  return message.replace(/^(url|apiKey)(?=: )/, (name) => sources[name as keyof typeof sources]);
}

/**
 * Says what the server refused and what to do.
 *
 * @param file where the refused text came from, when it came from one
 * @returns the exit code
 */
export function explain(error: MillraceError, file = ""): number {
  const { code, problem } = error;
  if (code === "unreachable") {
    complain(
      `millrace: ${error.message}; start one with \`millrace dev\`, or name yours with --url or MILLRACE_URL`,
    );
    return EXIT.unreachable;
  }
  for (const { line, column, path, message } of problem?.issues ?? []) {
    const at = [file, line, line === undefined ? undefined : (column ?? 1)];
    const where = at.filter((part) => part !== undefined && part !== "").join(":");
    complain([where, path === "" ? "" : `${path}:`, message].filter(Boolean).join(" "));
  }
  const what = problem?.detail ?? problem?.title ?? error.message;
  const action = problem?.action ?? "Check --url or MILLRACE_URL.";
  const id = code === "internal" && problem?.requestId ? ` (requestId ${problem.requestId})` : "";
  complain(`millrace: ${file === "" ? "" : `${file}: `}${what} (${code})${id}. ${action}`);
  return INVALID.has(code) ? EXIT.invalid : EXIT.failed;
}

/** What was given is wrong, not what became of it. */
const INVALID: ReadonlySet<string> = new Set([
  "workflow-invalid",
  "function-invalid",
  "schedule-invalid",
  "invalid-request",
]);
