/** The client that a command talks to its server with, and the server's refusals as one line each. */
import { MillraceClient, type MillraceError } from "@millrace/sdk";
import { CommandError, EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { DEFAULT_URL } from "./url.ts";

export interface ClientOptions {
  readonly url?: string;
  readonly apiKey?: string;
}

export function connect(options: ClientOptions): MillraceClient {
  const url = options.url ?? process.env["MILLRACE_URL"] ?? DEFAULT_URL;
  const apiKey = options.apiKey ?? process.env["MILLRACE_API_KEY"];
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new CommandError(`--url: ${url}: expected one such as ${DEFAULT_URL}`, EXIT.invalid);
  }
  return new MillraceClient({
    url,
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKey }),
    // A person is waiting: a server that is not there should be told soon.
    retry: { retries: 2 },
  });
}

/** Says what the server refused and what to do. @returns the exit code */
export function explain(error: MillraceError): number {
  const { code, problem } = error;
  if (code === "unreachable") {
    complain(
      `millrace: ${error.message}; start one with \`millrace dev\`, or name yours with --url or MILLRACE_URL`,
    );
    return EXIT.unreachable;
  }
  for (const { line, column, path, message } of problem?.issues ?? []) {
    const at = line === undefined ? "" : `${line}:${column ?? 1} `;
    complain(`${at}${path === "" ? "" : `${path}: `}${message}`);
  }
  const what = problem?.detail ?? problem?.title ?? error.message;
  const action = problem === undefined ? "check --url" : problem.action;
  const id = code === "internal" && problem?.requestId ? ` (requestId ${problem.requestId})` : "";
  complain(`millrace: ${what} (${code})${id}. ${action}`);
  return code === "workflow-invalid" || code === "invalid-request" ? EXIT.invalid : EXIT.failed;
}
