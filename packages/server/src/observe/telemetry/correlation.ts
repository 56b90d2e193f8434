/** The span in which something is logged: set while an activity is carried out, where traces are kept. */
import { AsyncLocalStorage } from "node:async_hooks";

/** As they stand in a line of the log. */
export interface LogSpan {
  readonly trace_id: string;
  readonly span_id: string;
}

export const currentSpan = new AsyncLocalStorage<LogSpan>();

/** Whoever wants each line as it was written, as JSON, secrets taken out. */
export const logSinks = new Set<(line: string) => void>();
