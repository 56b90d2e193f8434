/** What the owner tells those who watch (metrics, traces), and what it asks of the one who traces. */
import type { HistoryEvent, State, TraceContext } from "@millrace/engine";
import type { Program } from "@millrace/language";
import type { WorkflowVersion } from "../store/store.ts";
import type { Entry, Outcome } from "./entry.ts";

/** What one batch did to one instance, as committed. Nothing in it may be changed or kept for long: it holds states. */
export interface Committed {
  readonly workflow: WorkflowVersion;
  /** Absent when the engine failed and there was none to be had. */
  readonly program: Program | undefined;
  /** Absent when the instance is new. */
  readonly before: State | undefined;
  readonly state: State;
  readonly facts: readonly HistoryEvent[];
  /** The commands that did it. */
  readonly entries: readonly Entry[];
  /** What became of each. */
  readonly outcomes: readonly Outcome[];
  /** Epoch milliseconds. */
  readonly at: number;
  /** With tracing: frames entered, each with the frame it was entered in. */
  readonly nesting?: ReadonlyMap<string, string>;
}

export type FactListener = (committed: Committed) => void;

/** Without it, instances pass on the trace context they were started with, unchanged. */
export interface Tracing {
  /** What the task of this occurrence (frame id) gives to the instances it starts and the events it emits. */
  contextOf(state: Pick<State, "id" | "trace">, occurrence: string): TraceContext;
  /** What a line of the log about the instance says of its trace. */
  fieldsOf(state: Pick<State, "id" | "trace">): {
    readonly trace_id: string;
    readonly span_id: string;
  };
}

/** The context that leaves an instance with what a task of it starts or emits, if there is one. */
export function leavingContext(
  tracing: Tracing | undefined,
  state: Pick<State, "id" | "trace">,
  occurrence: string,
): TraceContext | undefined {
  return tracing === undefined ? state.trace : tracing.contextOf(state, occurrence);
}

/** What the decisions of one batch say together. */
export function joined(
  first: ReadonlyMap<string, string> | undefined,
  second: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return new Map([...first, ...second]);
}
