/** Problem Details of a workflow (DSL reference "Error", RFC 9457). */
export interface WorkflowError {
  /** URI of the error type. Standard errors carry the canonical URI. */
  readonly type: string;
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  /** JSON Pointer of the task that raised it, such as `/do/0/getPet`. */
  readonly instance?: string;
}
