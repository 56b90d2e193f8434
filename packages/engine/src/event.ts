/** Facts: what happened to an instance, in order. They are the history, the timeline and the lifecycle events. */
import type { Json } from "@millrace/language";
import type { WorkflowError } from "./error.ts";

interface FactBase {
  /** Position in the instance's history: 1, 2, 3 … without gap or duplicate. */
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
}
interface TaskFact extends FactBase {
  /** The task's reference, such as `/do/0/getPet`. */
  readonly task: string;
  /** One occurrence of the task: loop iterations, retries and jumps back each have their own (the frame's id). */
  readonly occurrence: string;
}

export type HistoryEvent =
  | (FactBase & { readonly kind: "workflow.started"; readonly input: Json })
  | (FactBase & { readonly kind: "workflow.suspended"; readonly reason?: string })
  | (FactBase & { readonly kind: "workflow.resumed" })
  /** A faulted instance goes on: `task` had failed; `from` is the task it was told to go on from. */
  | (FactBase & {
      readonly kind: "workflow.retried";
      readonly task?: string;
      readonly from?: string;
    })
  | (FactBase & { readonly kind: "workflow.cancelled"; readonly reason?: string })
  | (FactBase & { readonly kind: "workflow.faulted"; readonly error: WorkflowError })
  | (FactBase & { readonly kind: "workflow.completed"; readonly output: Json })
  /** A `listen` begins to wait for events. */
  | (TaskFact & { readonly kind: "workflow.correlation.started" })
  /** It has what it waits for. `keys`: the correlation values that told its events from others, by name. */
  | (TaskFact & {
      readonly kind: "workflow.correlation.completed";
      readonly keys: Readonly<Record<string, Json>>;
    })
  | (TaskFact & { readonly kind: "task.started"; readonly name: string })
  | (TaskFact & { readonly kind: "task.skipped"; readonly name: string })
  /** `output` only for outside work (call, run, emit): what pure tasks gave follows from their definition. */
  | (TaskFact & { readonly kind: "task.completed"; readonly output?: Json })
  | (TaskFact & { readonly kind: "task.faulted"; readonly error: WorkflowError })
  | (TaskFact & { readonly kind: "task.cancelled" })
  /** A `try` caught `error` and will run again as `attempt` (2 for the first retry) after `delay` milliseconds. */
  | (TaskFact & {
      readonly kind: "task.retried";
      readonly attempt: number;
      readonly delay: number;
      readonly error: WorkflowError;
    });
