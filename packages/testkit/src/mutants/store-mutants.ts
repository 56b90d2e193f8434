/** Planted bugs in SQL and in what only the real store or a test of its own shows: tests on PostgreSQL find them. */
import type { Killer, Mutant } from "./mutant.ts";

const STORE = "packages/server/src/store/postgres";
const test = (file: string): Killer => ({ kind: "test", file: `packages/server/test/${file}` });
const store = test("store.test.ts");
const owner = test("owner.test.ts");

export const STORE_MUTANTS: readonly Mutant[] = [
  {
    name: "epoch-not-checked",
    breaks: "an owner that has lost its partition still writes",
    edits: [{ file: `${STORE}/commit.ts`, find: "    ...fence(batch),\n", replace: "" }],
    killer: store,
  },
  {
    name: "epoch-not-raised",
    breaks: "two owners hold the same epoch",
    edits: [
      {
        file: `${STORE}/migrations/0002-functions.sql`,
        find: "SET epoch = p.epoch + 1, owner = node",
        replace: "SET epoch = p.epoch, owner = node",
      },
    ],
    killer: store,
  },
  {
    name: "take-over-does-not-wait",
    breaks: "a transaction of the owner before commits after the take-over has read",
    edits: [
      {
        file: `${STORE}/migrations/0002-functions.sql`,
        find: "  PERFORM pg_advisory_xact_lock(1836412513, slot)\n",
        replace: "  PERFORM slot\n",
      },
    ],
    killer: store,
  },
  {
    name: "lease-taken-while-it-lasts",
    breaks: "a partition is taken from an owner whose lease has not ended",
    edits: [
      {
        file: `${STORE}/migrations/0002-functions.sql`,
        find: `    WHERE p.partition = ANY (wanted)
      AND (seize OR p.owner IS NULL OR p.owner = node OR p.lease_until < now_ms()));`,
        replace: "    WHERE p.partition = ANY (wanted));",
      },
      {
        file: `${STORE}/migrations/0002-functions.sql`,
        find: `    WHERE p.partition = ANY (free)
      AND (seize OR p.owner IS NULL OR p.owner = node OR p.lease_until < now_ms())`,
        replace: "    WHERE p.partition = ANY (free)",
      },
    ],
    killer: store,
  },
  {
    name: "revision-not-checked",
    breaks: "a write on a stale reading overwrites what came between",
    edits: [
      {
        file: `${STORE}/commit-instances.ts`,
        find: "i.ctid = n.found AND i.revision = n.revision - 1 AND i.seq = n.seq - n.count",
        replace: "i.ctid = n.found",
      },
    ],
    killer: store,
  },
  {
    name: "early-timer-accepted",
    breaks: "the database does not refuse a timer that is taken up before its time",
    edits: [
      {
        file: `${STORE}/commit.ts`,
        find: "if (latestDue === undefined) return [check];",
        replace: "if (latestDue !== -1) return [check];",
      },
    ],
    killer: store,
  },
  {
    name: "fired-timer-takes-its-successor",
    breaks: "a timer that was set again is deleted by the firing of the one before",
    edits: [
      {
        file: `${STORE}/commit.ts`,
        find: " AND (n.fire_at IS NULL OR t.fire_at = n.fire_at)",
        replace: "",
      },
    ],
    killer: store,
  },
  {
    name: "delivered-again-without-end",
    breaks: "an activity that was delivered again is found as lost once more",
    edits: [
      {
        file: `${STORE}/owner-store.ts`,
        find: "SET attempt = a.attempt + 1, epoch = lost.epoch",
        replace: "SET attempt = a.attempt + 1",
      },
    ],
    killer: store,
  },
  {
    name: "orphan-overlooked",
    breaks: "the reconciler looks at suspended instances alone",
    edits: [
      {
        file: `${STORE}/owner-store.ts`,
        find: "i.status <> 'suspended' AND i.activities IS NULL",
        replace: "i.status = 'suspended' AND i.activities IS NULL",
      },
    ],
    killer: store,
  },
  {
    name: "decides-while-it-stops",
    breaks: "a node that stops consumes messages and results without applying them",
    edits: [
      {
        file: "packages/server/src/owner/owner.ts",
        find: `    if (this.#stopping) throw new StoreError("unavailable", "the server is shutting down");\n`,
        replace: "",
      },
    ],
    killer: owner,
  },
  {
    name: "decides-on-what-another-epoch-read",
    breaks: "states that were read under one epoch are decided on under the next",
    edits: [
      {
        file: "packages/server/src/owner/owner.ts",
        find: "if (taken.some(({ slot }, n) => this.epochOf(slot.partition) !== (epochs[n] ?? -1)))",
        replace: "if (taken.length === 0 && epochs.length > 0)",
      },
    ],
    killer: owner,
  },
  {
    name: "database-clock-goes-back",
    breaks:
      "a timer taken up at one reading is decided on at an earlier one, and consumed without effect",
    edits: [
      {
        file: "packages/server/src/runtime/database-clock.ts",
        find: "latest = Math.max(latest, ",
        replace: "latest = Math.max(0, ",
      },
    ],
    killer: test("database-clock.test.ts"),
  },
  {
    name: "messages-out-of-order",
    breaks: "two messages of one millisecond arrive in any order: a cancel overtakes its start",
    edits: [
      {
        file: "packages/server/src/owner/mail-ids.ts",
        find: "    new DataView(bytes.buffer).setUint32(0, count);\n",
        replace: "",
      },
    ],
    killer: owner,
  },
];
