/** What a status of gRPC becomes in a workflow (the HTTP mapping is google/rpc/code.proto's). */
import { ActivityFailure } from "../failure.ts";

/** By number: the name, and the HTTP status. */
const CODES: readonly (readonly [name: string, http: number])[] = [
  ["OK", 200],
  ["CANCELLED", 499],
  ["UNKNOWN", 500],
  ["INVALID_ARGUMENT", 400],
  ["DEADLINE_EXCEEDED", 504],
  ["NOT_FOUND", 404],
  ["ALREADY_EXISTS", 409],
  ["PERMISSION_DENIED", 403],
  ["RESOURCE_EXHAUSTED", 429],
  ["FAILED_PRECONDITION", 400],
  ["ABORTED", 409],
  ["OUT_OF_RANGE", 400],
  ["UNIMPLEMENTED", 501],
  ["INTERNAL", 500],
  ["UNAVAILABLE", 503],
  ["DATA_LOSS", 500],
  ["UNAUTHENTICATED", 401],
];
const UNKNOWN = ["UNKNOWN", 500] as const;

/** Characters of a server's message that an error repeats. */
const MAX_MESSAGE = 500;

/** The failure for a status that is not OK. */
export function statusFailure(code: number, message: string): ActivityFailure {
  const [name, status] = CODES[code] ?? UNKNOWN;
  const said = printable(message);
  const detail = said === "" ? name : `${name}: ${said}`;
  const title = titleOf(name);
  switch (name) {
    case "DEADLINE_EXCEEDED":
      return new ActivityFailure("timeout", detail);
    case "UNAUTHENTICATED":
      return new ActivityFailure("authentication", detail, { status, title });
    case "PERMISSION_DENIED":
      return new ActivityFailure("authorization", detail, { status, title });
    default:
      return new ActivityFailure("communication", detail, { status, title });
  }
}

function printable(message: string): string {
  // oxlint-disable-next-line no-control-regex
  const text = message.toWellFormed().replaceAll(/[\u0000-\u001f\u007f]+/g, " ");
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text.trim();
}

/** `NOT_FOUND` → `Not Found`. */
function titleOf(name: string): string {
  return name.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_, gap: string, letter: string) => {
    return `${gap && " "}${letter.toUpperCase()}`;
  });
}
