/** What became of a request that did not succeed, as a {@link MillraceError} that says why in words. */
import { isProblem } from "@millrace/protocol";
import { MillraceError } from "./error.ts";

/** Why no connection came about, by the system's code. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was lost",
  UND_ERR_SOCKET: "the connection was lost",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "its name cannot be resolved now",
  EHOSTUNREACH: "no route to the host",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
};

/** An answer that says no: the server's problem, or what some other program said. */
export async function refusal(response: Response): Promise<MillraceError> {
  const body = parse(await response.text());
  if (isProblem(body)) return MillraceError.of(body);
  // A proxy on the way, or a server newer than this client: what it says is worth passing on.
  const { detail, title } = (body ?? {}) as { detail?: unknown; title?: unknown };
  const said = [detail, title].find((each) => typeof each === "string");
  return new MillraceError(
    "unexpected-answer",
    `${response.url} answered ${response.status}${
      said === undefined ? ", and not as a Millrace server does" : `: ${said}`
    }`,
    { status: response.status },
  );
}

export function unexpected(base: string, cause: unknown): MillraceError {
  const message = `${base} did not answer in JSON, as a Millrace server does`;
  return new MillraceError("unexpected-answer", message, { cause });
}

export function unreachable(base: string, cause: unknown): MillraceError {
  return new MillraceError("unreachable", `cannot reach ${base}: ${reasonOf(cause)}`, { cause });
}

/** `fetch` hides the reason in `cause`; a host with several addresses gives several, of which the first will do. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const { code } = error as { code?: unknown };
  const known = typeof code === "string" ? REASONS[code] : undefined;
  if (known !== undefined) return known;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner === undefined ? error.message : reasonOf(inner);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
