/** Planted bugs in the order in which work is done: the properties of the queues find them. */
import type { Killer, Mutant } from "./mutant.ts";

const OWNER = "packages/server/src/owner";
const test = (file: string): Killer => ({ kind: "test", file });

export const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    name: "age-does-not-count",
    breaks: "what has a low priority starves for as long as there is work of a higher one",
    edits: [
      {
        file: `${OWNER}/fair-queue.ts`,
        find: "      if (this.#jumped) return lane.next?.first;",
        replace: "      return lane.next?.first;",
      },
    ],
    killer: test(`${OWNER}/fair-queue.test.ts`),
  },
  {
    name: "backlog-outranks-priority",
    breaks: "behind a backlog older than a second a high priority means nothing",
    edits: [
      {
        file: `${OWNER}/fair-queue.ts`,
        find: "    this.#jumped = (this.#filled & ((1 << item.lane) - 1)) !== 0;",
        replace: "    this.#jumped = false;",
      },
    ],
    killer: test(`${OWNER}/fair-queue.test.ts`),
  },
  {
    name: "tenant-keeps-the-turn",
    breaks: "a tenant with much to do holds up all others of its priority",
    edits: [
      {
        file: `${OWNER}/fair-queue.ts`,
        find: "    lane.next = turn.right;\n",
        replace: "",
      },
    ],
    killer: test(`${OWNER}/fair-queue.test.ts`),
  },
  {
    name: "alone-is-overtaken",
    breaks: "an instance that is to go alone never goes while there is work of a higher priority",
    edits: [
      {
        file: `${OWNER}/slots.ts`,
        find: "        this.#next = place;\n",
        replace: "",
      },
    ],
    killer: test(`${OWNER}/slots.test.ts`),
  },
  {
    name: "urgent-command-waits-in-line",
    breaks:
      "an urgent command for an instance that waits already goes when the first one's turn comes",
    edits: [
      {
        file: `${OWNER}/slots.ts`,
        find: "      this.#ready.remove(slot.place);\n    }\n",
        replace: "      return;\n    }\n",
      },
    ],
    killer: test(`${OWNER}/slots.test.ts`),
  },
];
