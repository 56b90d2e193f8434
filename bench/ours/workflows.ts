/** The workflows that are measured, and the activity they call: the same work as each peer does. */
import type { ActivityExecutor } from "../../packages/server/src/activities/executor.ts";

export const NAMESPACE = "bench";

/** One call after another, each given what the one before it gave. */
export function definition(steps: number): string {
  const calls = Array.from(
    { length: steps },
    (_, index) =>
      `  - step${index + 1}: { call: http, with: { method: get, endpoint: 'http://in.process/step' } }`,
  );
  return [
    "document:",
    `  { dsl: '1.0.3', namespace: ${NAMESPACE}, name: ${nameOf(steps)}, version: '1.0.0' }`,
    "do:",
    ...calls,
    "",
  ].join("\n");
}

export function nameOf(steps: number): string {
  return `steps-${steps}`;
}

/**
 * Answers each call in this process, after the durable record of it was committed, and with nothing saved: the runtime
 * does for it all that it does for a call over the network. Gives `{ n }`, one more than it was given.
 */
export const inProcess: ActivityExecutor = {
  execute: async ({ data }) => ({ output: { n: (data as { readonly n: number }).n + 1 } }),
};
