/** How a task, or the body of one, ends. */
import type { Flow, Json } from "@millrace/language";
import type { WorkflowError } from "./error.ts";

export type Outcome =
  /**
   * Ended with an output; `flow`, where given, replaces the task's own `then`. `left` tells of a list that ended by `exit`.
   */
  | { readonly kind: "done"; readonly output: Json; readonly flow?: Flow; readonly left?: true }
  /** Waits for the outside world; its frames stay. */
  | { readonly kind: "waiting" }
  | { readonly kind: "raised"; readonly error: WorkflowError }
  /** A flow directive `end`: the workflow ends with this output. */
  | { readonly kind: "end"; readonly output: Json };

export const WAITING: Outcome = { kind: "waiting" };
export const CONTINUE: Flow = { kind: "continue" };
