/**
 * Ids of traces and spans, made from the instance and what happens in it: whichever node ends a span, after whatever crash,
 * gives it the id under which another began it and sent it along. No state is needed for that.
 */
import { hash } from "node:crypto";
import type { State } from "@millrace/engine";
import { parseTraceparent, type SpanReference } from "./trace-context.ts";

/** What belongs to an instance's trace, or would if it were traced. */
export type TracedInstance = Pick<State, "id" | "trace">;

function digest(text: string, digits: number): string {
  return hash("sha256", text).slice(0, digits);
}

/** The caller's span, where there is one: the trace's id is its. */
export function callerOf({ trace }: TracedInstance): SpanReference | undefined {
  return trace === undefined ? undefined : parseTraceparent(trace.traceparent);
}

export function traceIdOf(instanceId: string): string {
  return digest(`trace ${instanceId}`, 32);
}

/** The span of the instance itself. */
export function instanceSpanId(instanceId: string): string {
  return digest(`instance ${instanceId}`, 16);
}

/** @param occurrence the frame's id */
export function taskSpanId(instanceId: string, occurrence: string): string {
  return digest(`task ${instanceId} ${occurrence}`, 16);
}

/** Each attempt of an activity has a span of its own. */
export function attemptSpanId(instanceId: string, activityId: string, attempt: number): string {
  return digest(`attempt ${instanceId} ${activityId} ${attempt}`, 16);
}

/** @param seq the event's place in the order of its partition */
export function eventSpanId(instanceId: string, seq: number | string): string {
  return digest(`event ${instanceId} ${seq}`, 16);
}
