/** Parts of route schemas that many routes share. */
import { type ErrorCode, ERRORS } from "@millrace/protocol";
import { Problem, ref } from "@millrace/protocol/schemas";

/** What any route may answer with. */
const ANYWHERE: readonly ErrorCode[] = [
  "invalid-request",
  "unauthorized",
  "origin-refused",
  "request-timeout",
  "misdirected-request",
  "headers-too-large",
  "internal",
  "unavailable",
];

/**
 * The responses of a route for its schema: problems for each of `codes` and for what any route may refuse with, one
 * entry for each status.
 */
export function problems(...codes: readonly ErrorCode[]): Record<number, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, ...ANYWHERE]) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, named]) => [
      status,
      {
        description: named.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join(". "),
        content: { "application/problem+json": { schema: ref(Problem) } },
      },
    ]),
  );
}

/** A JSON response of a route for its schema. */
export function answers(description: string, schema: object, headers?: object): object {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: { "application/json": { schema } },
  };
}
