/** What describes an instance beside its data. */
import type { HistoryEvent, WorkflowError } from "@millrace/engine";
import type { Json } from "@millrace/language";

/** One thing that an instance waits for. Instants are epoch milliseconds. */
export interface WaitingFor {
  readonly kind: "activity" | "message" | "timer" | "retry" | "child" | "event";
  /** Reference of the task that waits, and its name. */
  readonly task: string;
  readonly name: string;
  readonly since: number;
  /** Of `timer` and `retry`: when it is over; of `message`: when no more messages are taken. */
  readonly until?: number;
  /** When the nearest timeout around it ends the wait. */
  readonly giveUpAt?: number;
  /** Of `activity` and `message`: which delivery, 1 for the first; of `retry`: which attempt of the `try` comes next. */
  readonly attempt?: number;
  /** Of `activity` and `message`: such as `call:http`. */
  readonly type?: string;
  /** Of `activity`: such as `GET api.example.com`. */
  readonly target?: string;
  /** Of `activity`: its latest checkpoint says how far it is. */
  readonly progress?: Progress;
  /** Of `child`. */
  readonly instanceId?: string;
  /** Of `event`: the filters of which an event is waited for, and the correlation values they expect. */
  readonly events?: readonly {
    readonly type?: string;
    readonly source?: string;
    readonly correlation?: Readonly<Record<string, Json>>;
  }[];
}

export interface Progress {
  /** 0 to 100. */
  readonly percent?: number;
  readonly note?: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Why an instance is faulted, and what to do. */
export interface Fault {
  /** Reference, name and raw input of the task that failed; absent when it was none, or nothing was kept of it. */
  readonly task?: string;
  readonly name?: string;
  readonly input?: Json;
  /** Which attempt of the `try` around it failed last. */
  readonly attempt?: number;
  readonly error: WorkflowError;
  /** The next thing to try, with the command for it. */
  readonly hint: string;
}

/** A fact as it is shown: a large value in it stands as `null`, and among the payloads. */
export type ShownFact = HistoryEvent & { readonly payloads?: readonly ShownValue[] };

/** A value for which `null` stands in what is shown. */
export interface ShownValue {
  /** Where it stands: a JSON pointer (RFC 6901). */
  readonly path: string;
  readonly digest: string;
  /** Of its JSON text. */
  readonly bytes: number;
}
