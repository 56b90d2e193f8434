/** The kind of an error for `error.type`: one of a few, since a type of the author's own may be made of data. */
import { canonicalErrorType, standardErrors } from "@millrace/language";

const KINDS = new Map(Object.entries(standardErrors).map(([kind, { type }]) => [type, kind]));

/** `communication`, `timeout` …; `_OTHER`, as OpenTelemetry has it, for what is no standard error. */
export function errorKind(type: string | undefined): string {
  return (type === undefined ? undefined : KINDS.get(canonicalErrorType(type))) ?? "_OTHER";
}
