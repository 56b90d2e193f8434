/** The types of lifecycle CloudEvents that the DSL names (reference "Lifecycle Events"), and sets of them. */

/** In the order of the reference. The position of a type is its bit in a set. */
export const LIFECYCLE_TYPES = [
  "io.serverlessworkflow.workflow.started.v1",
  "io.serverlessworkflow.workflow.suspended.v1",
  "io.serverlessworkflow.workflow.resumed.v1",
  "io.serverlessworkflow.workflow.correlation-started.v1",
  "io.serverlessworkflow.workflow.correlation-completed.v1",
  "io.serverlessworkflow.workflow.cancelled.v1",
  "io.serverlessworkflow.workflow.faulted.v1",
  "io.serverlessworkflow.workflow.completed.v1",
  "io.serverlessworkflow.workflow.status-changed.v1",
  "io.serverlessworkflow.task.created.v1",
  "io.serverlessworkflow.task.started.v1",
  "io.serverlessworkflow.task.suspended.v1",
  "io.serverlessworkflow.task.resumed.v1",
  "io.serverlessworkflow.task.retried.v1",
  "io.serverlessworkflow.task.cancelled.v1",
  "io.serverlessworkflow.task.faulted.v1",
  "io.serverlessworkflow.task.completed.v1",
  "io.serverlessworkflow.task.status-changed.v1",
] as const;
export type LifecycleType = (typeof LIFECYCLE_TYPES)[number];

/** A set of lifecycle types as bits; 0 is the empty set. */
export type TypeSet = number;
export const NO_TYPES: TypeSet = 0;

const BITS: ReadonlyMap<string, number> = new Map(
  LIFECYCLE_TYPES.map((type, index) => [type, 1 << index]),
);

export function includes(set: TypeSet, type: LifecycleType): boolean {
  return (set & (BITS.get(type) ?? 0)) !== 0;
}

/** True when `value` is the pattern, or begins with what stands before its final `*`. */
export function matches(pattern: string, value: string): boolean {
  return pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}

/** The lifecycle types that any of these patterns names. */
export function typeSet(patterns: Iterable<string>): TypeSet {
  let set = NO_TYPES;
  for (const pattern of patterns)
    for (const [type, bit] of BITS) if (matches(pattern, type)) set |= bit;
  return set;
}
