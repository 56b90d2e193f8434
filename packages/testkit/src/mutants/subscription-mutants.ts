/** Planted bugs in what an activity brings before it ends, and in what a lost answer leaves behind. */
import type { Killer, Mutant } from "./mutant.ts";

const OWNER = "packages/server/src/owner";
const simulator: Killer = { kind: "simulator", seeds: 1000 };
const test = (file: string): Killer => ({ kind: "test", file: `packages/server/test/${file}` });

export const SUBSCRIPTION_MUTANTS: readonly Mutant[] = [
  {
    name: "message-acknowledged-early",
    breaks: "a message is acknowledged before the instance has it",
    edits: [
      {
        file: `${OWNER}/feeding.ts`,
        find: "this.#pending = { itemId, item, taken: false, resolve, reject };",
        replace:
          'this.#submit({ itemId, item });\n      if (itemId !== "") return resolve("more");',
      },
    ],
    killer: simulator,
  },
  {
    name: "subscription-not-opened-again",
    breaks:
      "what a subscription brought is lost with an epoch, and it waits for an answer for ever",
    edits: [
      {
        file: `${OWNER}/dispatcher.ts`,
        find: "!isRemote(delivery.request)) return feeding.begun;",
        replace: "!isRemote(delivery.request)) return false;",
      },
    ],
    killer: simulator,
  },
  {
    name: "next-message-not-asked-for",
    breaks: "after a message that the filter does not let through no other comes",
    edits: [
      {
        file: "packages/engine/src/tasks/subscribe.ts",
        find: "if (filter !== undefined && !holds(d, filter, item, site)) return wantNext(d, own);",
        replace: "if (filter !== undefined && !holds(d, filter, item, site)) return WAITING;",
      },
    ],
    killer: simulator,
  },
  {
    name: "fired-timer-left",
    breaks: "the firing of a timer that was set anew since leaves its row",
    edits: [
      {
        file: `${OWNER}/decide-batch.ts`,
        find: "  if (applied && entry.tries !== undefined) endFired(entry, context.given);\n",
        replace: "",
      },
    ],
    killer: test("owner.test.ts"),
  },
  {
    name: "queue-outlives-its-epoch",
    breaks: "activities that were taken back in a commit whose answer was lost are still done",
    edits: [
      {
        file: `${OWNER}/dispatcher.ts`,
        find: "      if (dropped.has(value.delivery.partition)) this.#forget(name);\n",
        replace: "      if (dropped.has(-1) && value.delivery.partition < 0) this.#forget(name);\n",
      },
    ],
    killer: test("dispatcher.test.ts"),
  },
];
