/**
 * W3C Trace Context (Level 1, sections 3.2 and 3.3): reading what a caller sends, writing what goes on. What cannot be read
 * counts as absent, as the recommendation demands: a caller's tracing must never fail its request.
 */
import type { TraceContext } from "@millrace/engine";
import { parseTraceparent, type SpanReference } from "@millrace/protocol";

export { parseTraceparent, type SpanReference } from "@millrace/protocol";

const MEMBER = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=/;
const MAX_MEMBERS = 32;
/** Characters of `tracestate` that are passed on: what the recommendation asks for at least. */
const MAX_TRACESTATE = 512;

export function formatTraceparent({ traceId, spanId, sampled }: SpanReference): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/**
 * The context in a request's headers or an event's attributes.
 * @param from values under `traceparent` and `tracestate`
 */
export function readTraceContext(from: {
  readonly traceparent?: unknown;
  readonly tracestate?: unknown;
}): TraceContext | undefined {
  const span = parseTraceparent(from.traceparent);
  if (span === undefined) return undefined;
  const traceparent = formatTraceparent(span);
  const tracestate = readTracestate(from.tracestate);
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

function readTracestate(value: unknown): string | undefined {
  const text = Array.isArray(value) ? value.join(",") : value;
  if (typeof text !== "string" || text.length > MAX_TRACESTATE) return undefined;
  const members = text.split(",").flatMap((member) => member.trim() || []);
  const valid = members.every((member) => MEMBER.test(member) && /^[\x20-\x7e]+$/.test(member));
  if (!valid || members.length === 0 || members.length > MAX_MEMBERS) return undefined;
  return members.join(",");
}
