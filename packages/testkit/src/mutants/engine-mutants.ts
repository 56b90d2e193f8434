/** Planted bugs in the engine: the simulator finds them in what instances come to and in what the world sees. */
import type { Killer, Mutant } from "./mutant.ts";

const ENGINE = "packages/engine/src";
const simulator: Killer = { kind: "simulator", seeds: 500 };

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: "retry-counter-reset",
    breaks: "every try counts as the first, so a retry never ends",
    edits: [
      { file: `${ENGINE}/tasks/try.ts`, find: "own.attempt += 1;", replace: "own.attempt = 1;" },
    ],
    killer: simulator,
  },
  {
    name: "fork-joins-one-early",
    breaks: "a fork ends while one branch still runs",
    edits: [
      {
        file: `${ENGINE}/tasks/fork.ts`,
        find: "if (fork.left > 0) return WAITING;",
        replace: "if (fork.left > 1) return WAITING;",
      },
    ],
    killer: simulator,
  },
  {
    name: "retry-with-a-new-idempotency-key",
    breaks: "each try carries a key of its own, so the effect is done once for each",
    edits: [
      {
        file: `${ENGINE}/tasks/activity.ts`,
        find: "idempotencyKey: `${d.state.id}${frame.key}`,",
        replace: "idempotencyKey: `${d.state.id}/${frame.id}`,",
      },
    ],
    killer: simulator,
  },
  {
    name: "one-idempotency-key-for-all-iterations",
    breaks: "the iterations of a loop share a key, so the effect is done for the first alone",
    edits: [
      {
        file: `${ENGINE}/tasks/for.ts`,
        find: "return `${frame.key}.${frame.index}`;",
        replace: "return frame.key;",
      },
    ],
    killer: simulator,
  },
  {
    name: "held-results-dropped",
    breaks: "what arrived while the instance was suspended is forgotten at its resumption",
    edits: [
      {
        file: `${ENGINE}/decide.ts`,
        find: "  d.state.held = [...(d.state.held ?? []), command];\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "timer-not-cleared",
    breaks: "the timer of a task's timeout outlives the task",
    edits: [
      {
        file: `${ENGINE}/draft.ts`,
        find: "    if (current.timeoutAt !== undefined) this.clearTimer(`t${frame.id}`);\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "sequence-number-skipped",
    breaks: "a cancelled task leaves a gap in the history",
    edits: [
      {
        file: `${ENGINE}/cancel.ts`,
        find: "  if (shown) d.record",
        replace: "  d.state.seq += 1;\n  if (shown) d.record",
      },
    ],
    killer: simulator,
  },
  {
    name: "retried-frames-under-their-old-ids",
    breaks: "a retried instance uses the ids of tasks that have ended",
    edits: [
      {
        file: `${ENGINE}/retry-instance.ts`,
        find: "const id = d.nextId();\n  const frame",
        replace: "const { id } = old;\n  const frame",
      },
    ],
    killer: simulator,
  },
  {
    name: "retried-task-with-another-key",
    breaks: "the activity of a retried task does what was done again",
    edits: [
      {
        file: `${ENGINE}/retry-instance.ts`,
        find: "const place = { ref, slot, key,",
        replace: "const place = { ref, slot, key: `${key}!`,",
      },
    ],
    killer: simulator,
  },
  {
    name: "retry-carried-out-twice",
    breaks:
      "a retry whose commit is of unknown outcome is carried out again when the instance has faulted again",
    edits: [
      {
        file: `${ENGINE}/retry-instance.ts`,
        find: "if (retryIds.includes(command.retryId)) return false;",
        replace: "",
      },
    ],
    killer: simulator,
  },
];
