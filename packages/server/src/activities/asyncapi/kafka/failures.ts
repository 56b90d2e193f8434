/** What the errors of the Kafka client mean. */
import { ActivityFailure, type FailureKind } from "../../failure.ts";
import { EgressDenied } from "../../egress/policy.ts";
import { connectionLost } from "../session.ts";

/** Names of error codes of the protocol (https://kafka.apache.org/protocol#protocol_error_codes). */
const REPLIES: Readonly<
  Record<string, readonly [kind: FailureKind, status: number, text: string]>
> = {
  UNKNOWN_TOPIC_OR_PARTITION: ["communication", 404, "the broker knows no such topic"],
  UNKNOWN_TOPIC_ID: ["communication", 404, "the broker knows no such topic"],
  INVALID_TOPIC_EXCEPTION: ["configuration", 400, "the broker says that the topic is invalid"],
  MESSAGE_TOO_LARGE: ["communication", 413, "the broker says that the message is too large"],
  RECORD_LIST_TOO_LARGE: ["communication", 413, "the broker says that the message is too large"],
  TOPIC_AUTHORIZATION_FAILED: ["authorization", 403, "the broker refused access to the topic"],
  GROUP_AUTHORIZATION_FAILED: ["authorization", 403, "the broker refused access to the group"],
  CLUSTER_AUTHORIZATION_FAILED: ["authorization", 403, "the broker refused access"],
  SASL_AUTHENTICATION_FAILED: ["authentication", 401, "the broker refused the login"],
  UNSUPPORTED_SASL_MECHANISM: ["authentication", 401, "the broker has no way to log in that fits"],
  ILLEGAL_SASL_STATE: ["communication", 502, "the broker has no authentication here"],
  INVALID_GROUP_ID: ["configuration", 400, "the broker says that the group's name is invalid"],
};

interface LibraryError {
  readonly code?: unknown;
  readonly apiId?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The first of these that is found, in the error or what caused it; else the connection was lost. */
export function refusal(error: unknown): unknown {
  const all = [...causes(error)];
  const said = (find: (one: LibraryError) => unknown): LibraryError | undefined =>
    all.find((one) => find(one) === true);
  const own = all.find((one) => one instanceof ActivityFailure || one instanceof EgressDenied);
  if (own !== undefined) return own;
  for (const { apiId } of all) {
    const known = typeof apiId === "string" ? REPLIES[apiId] : undefined;
    if (known !== undefined) return new ActivityFailure(known[0], known[2], { status: known[1] });
  }
  if (said(({ code }) => code === "PLT_KFK_AUTHENTICATION") !== undefined)
    return new ActivityFailure("authentication", "the broker refused the login");
  if (said(({ message }) => String(message).startsWith("Unknown topic ")) !== undefined) {
    const detail = "the broker knows no such topic";
    return new ActivityFailure("communication", detail, { status: 404 });
  }
  const network = said(({ code }) => typeof code === "string" && !code.startsWith("PLT_"));
  if (network !== undefined) return network;
  if (said(({ code }) => code === "PLT_KFK_TIMEOUT") !== undefined)
    return new ActivityFailure("timeout", "the broker did not answer in time");
  return connectionLost();
}

/** The error, and everything that is said to have caused it. */
function* causes(error: unknown, depth = 0): Generator<LibraryError> {
  if (typeof error !== "object" || error === null || depth > 10) return;
  yield error;
  const { cause, errors } = error as LibraryError;
  yield* causes(cause, depth + 1);
  if (!Array.isArray(errors)) return;
  for (const one of errors as readonly unknown[]) yield* causes(one, depth + 1);
}
