/** Ends an instance that the engine cannot carry on: a fault of the server, said so in its error and history. */
import { type HistoryEvent, standardError, type State } from "@millrace/engine";

export interface Faulted {
  readonly state: State;
  readonly event: HistoryEvent;
}

/** What its waits left in the database goes when it comes up: a result or timer of an ended instance changes nothing. */
export function faulted(state: State, detail: string, now: number): Faulted {
  const error = standardError("runtime", detail, "/");
  const seq = state.seq + 1;
  return {
    state: { ...state, status: "faulted", error, endedAt: now, seq, frames: {} },
    event: { kind: "workflow.faulted", seq, at: now, error },
  };
}
