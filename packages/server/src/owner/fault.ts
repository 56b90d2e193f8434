/** Ends an instance that the engine cannot carry on: a fault of the server, said so in its error and history. */
import { type HistoryEvent, keepState, standardError, type State } from "@millrace/engine";

export interface Faulted {
  readonly state: State;
  readonly event: HistoryEvent;
}

/** What its waits left in the database goes when it comes up: a result or timer of an ended instance changes nothing. */
export function faulted(state: State, detail: string, now: number): Faulted {
  const error = standardError("runtime", detail, "/");
  const seq = state.seq + 1;
  // It can be retried, perhaps on a server that is not at fault.
  const { values: _, held: __, timeoutAt: ___, ...rest } = state;
  const ended = { status: "faulted", error, endedAt: now, seq, frames: {} } as const;
  return {
    state: { ...rest, ...ended, kept: keepState(state) },
    event: { kind: "workflow.faulted", seq, at: now, error },
  };
}
