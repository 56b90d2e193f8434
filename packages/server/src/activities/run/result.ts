/** What a process's end means to the workflow (DSL reference "Run", `return`). */
import type { Json } from "@millrace/language";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";

export interface ProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of standard error, in an error's detail. */
const TAIL = 2_000;

/**
 * The task's output. Where the exit code is not part of it (`stdout`, `stderr`, `none`), a code other than 0 is an error:
 * nothing else would tell the workflow that the process failed.
 * @param what such as `run: shell`
 * @throws {ActivityFailure} `runtime`
 */
export function outputOf(
  what: string,
  result: ProcessResult,
  wanted: ActivityRequest["return"],
): Json {
  const { code, stdout, stderr } = result;
  switch (wanted) {
    case "code":
      return code;
    case "all":
      return { code, stdout, stderr };
    case "stderr":
    case "none":
    case "stdout":
    case undefined:
      if (code !== 0)
        throw new ActivityFailure("runtime", `${what}: ${describe(code)}${said(stderr)}`);
      if (wanted === "none") return null;
      return wanted === "stderr" ? stderr : stdout;
  }
}

function describe(code: number): string {
  const signal = code > 128 && code < 160 ? ` (signal ${code - 128})` : "";
  return `the process ended with code ${code}${signal}`;
}

/** The last of it: where programs say what went wrong. */
function said(stderr: string): string {
  const text = stderr.trim();
  if (text === "") return "";
  return `: ${text.length > TAIL ? `… ${text.slice(-TAIL)}` : text}`;
}
