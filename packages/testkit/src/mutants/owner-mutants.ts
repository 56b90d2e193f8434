/** Planted bugs in the owner's loop and the services around it: the simulator finds them. */
import type { Killer, Mutant } from "./mutant.ts";

const OWNER = "packages/server/src/owner";
const simulator: Killer = { kind: "simulator", seeds: 2000 };

export const OWNER_MUTANTS: readonly Mutant[] = [
  {
    name: "acknowledge-before-commit",
    breaks: "a caller is told that its start is durable while the batch is still on its way",
    edits: [
      {
        file: `${OWNER}/owner.ts`,
        find: "await store.commit(batch.build(epochOf));",
        replace: "void store.commit(batch.build(epochOf)).catch(() => {});",
      },
    ],
    killer: simulator,
  },
  {
    name: "effects-before-commit",
    breaks: "activities are let out before the transaction that asks for them",
    edits: [
      {
        file: `${OWNER}/owner.ts`,
        find: "if (!batch.empty) await this.#write(batch, context.epochOf);",
        replace: `if (!batch.empty) this.#listener.onCommitted({ ...after, timers: [] });
    if (!batch.empty) await this.#write(batch, context.epochOf);`,
      },
    ],
    killer: simulator,
  },
  {
    name: "memory-kept-after-lost-lease",
    breaks:
      "states and sequence numbers from before a lease was lost are used after it is taken again",
    edits: [
      {
        file: `${OWNER}/slots.ts`,
        find: `      delete slot.hot;
      delete slot.schedule;
      dropped.push(...slot.pending.splice(0));
      if (!slot.busy) this.#slots.delete(slot.id);`,
        replace: "      dropped.push(...slot.pending.splice(0));",
      },
    ],
    killer: simulator,
  },
  {
    name: "unknown-outcome-not-resolved",
    breaks: "after a commit of unknown outcome nobody reads what it left",
    edits: [
      {
        file: "packages/server/src/runtime/node.ts",
        find: "onUnknown: () => parts().leases.retake(),",
        replace: "onUnknown: () => {},",
      },
    ],
    killer: simulator,
  },
  {
    name: "two-batches-of-one-instance",
    breaks: "a batch is decided on a state that another batch has not committed yet",
    edits: [
      {
        file: `${OWNER}/slots.ts`,
        find: "if (!slot.busy) this.#line(slot, entry);",
        replace: "this.#line(slot, entry);",
      },
    ],
    killer: simulator,
  },
  {
    name: "failed-batch-keeps-its-place",
    breaks:
      "a batch that fails is counted as on its way for ever; after two of them the owner stands still",
    edits: [
      {
        file: `${OWNER}/owner.ts`,
        find: `      for (const { slot } of taken) this.slots.release(slot);
    } catch (error) {
      this.#recover(taken, error);
    } finally {
      this.#inFlight -= 1;`,
        replace: `      for (const { slot } of taken) this.slots.release(slot);
      this.#inFlight -= 1;
    } catch (error) {
      this.#recover(taken, error);
    } finally {`,
      },
    ],
    killer: simulator,
  },
  {
    name: "failed-pass-ends-the-service",
    breaks: "leases are not renewed again, nor taken, once one renewal has failed",
    edits: [
      {
        file: `${OWNER}/service.ts`,
        find: `      failures += 1;
      log.warn({ err: error, service: name }, "a pass failed");
    } finally {`,
        replace: `      failures += 1;
      log.warn({ err: error, service: name }, "a pass failed");
    }
    if (failures === 0) {`,
      },
    ],
    killer: simulator,
  },
  {
    name: "key-in-another-transaction",
    breaks:
      "a crash between the start and its idempotency key lets the key start a second instance",
    edits: [
      {
        file: `${OWNER}/builder.ts`,
        find: "      keys: this.keys,",
        replace: "      keys: this.created.length > 0 ? [] : this.keys,",
      },
      {
        file: `${OWNER}/owner.ts`,
        find: "await store.commit(batch.build(epochOf));",
        replace: `const built = batch.build(epochOf);
      await store.commit(built);
      if (batch.keys.length > 0)
        await store
          .commit({ ...new BatchBuilder().build(epochOf), epochs: built.epochs, keys: batch.keys })
          .catch(() => {});`,
      },
    ],
    killer: simulator,
  },
  {
    name: "key-taken-for-another-request",
    breaks: "an idempotency key answers another request with the first one's instance",
    edits: [
      {
        file: "packages/server/src/runtime/start.ts",
        find: "if (known.digest === digest) return",
        replace: "if (known.digest !== undefined) return",
      },
    ],
    killer: simulator,
  },
  {
    name: "result-applied-twice",
    breaks:
      "an activity stays open after its result, so the next owner has it done and applied again",
    edits: [
      {
        file: `${OWNER}/decide-batch.ts`,
        find: "if (entry.activity !== undefined && !open.delete(entry.activity.id))",
        replace: "if (entry.activity !== undefined && !open.current.has(entry.activity.id))",
      },
    ],
    killer: simulator,
  },
  {
    name: "message-never-consumed",
    breaks: "a message stays in the inbox after it was applied",
    edits: [
      {
        file: `${OWNER}/builder.ts`,
        find: "this.consumed.push(once ? { partition, id, once } : { partition, id });",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "wake-source-forgotten",
    breaks: "the timer of a retry is armed in memory and not written",
    edits: [
      {
        file: `${OWNER}/effects.ts`,
        find: "      batch.timers.add(instanceId, effect.timerId, row);\n",
        replace: `      if (effect.timerId.startsWith("r")) return;
      batch.timers.add(instanceId, effect.timerId, row);
`,
      },
    ],
    killer: simulator,
  },
  {
    name: "timers-not-read-after-restart",
    breaks: "timers that an earlier owner set are never loaded",
    edits: [
      {
        file: `${OWNER}/timers.ts`,
        find: "for (const row of rows) this.#heap.setIfAbsent(row);",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "timer-by-the-wall-clock",
    breaks: "timers and decisions go by the machine's wall clock instead of the database's",
    edits: [
      {
        file: "packages/server/src/runtime/node.ts",
        find: "const databaseNow = (): number => database.now();\n  const common = {",
        replace: "const databaseNow = (): number => clock.now();\n  const common = {",
      },
    ],
    killer: simulator,
  },
  {
    name: "database-clock-read-ahead",
    breaks: "the way of the answer is added to the database's time: timers are taken up early",
    edits: [
      {
        file: "packages/server/src/runtime/database-clock.ts",
        find: "    const now = await read();",
        replace: "    const at = clock.monotonic();\n    const now = await read();",
      },
      {
        file: "packages/server/src/runtime/database-clock.ts",
        find: `    const at = clock.monotonic();
    readings.push`,
        replace: "    readings.push",
      },
    ],
    killer: simulator,
  },
  {
    name: "lost-activities-not-delivered-again",
    breaks: "activities of an earlier owner wait for ever",
    edits: [
      {
        file: "packages/server/src/runtime/node.ts",
        find: "  await redeliver(parts, epochs);\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "child-end-not-told",
    breaks: "a parent never hears that its child has ended",
    edits: [
      {
        file: `${OWNER}/decide-batch.ts`,
        find: "  if (isTerminal(state.status)) reportEnd(state, context.reporting);\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "cancelled-child-forgotten",
    breaks: "a child whose parent no longer waits runs on",
    edits: [
      {
        file: `${OWNER}/effects.ts`,
        find: `      batch.children.end({ partition, instanceId, id: effect.childId });
      send(`,
        replace: `      batch.children.end({ partition, instanceId, id: effect.childId });
      if (child !== instanceId) return;
      send(`,
      },
    ],
    killer: simulator,
  },
  {
    name: "retried-row-stays-ended",
    breaks: "the row of a retried instance is not made a live one again",
    edits: [
      {
        file: `${OWNER}/decide-batch.ts`,
        find: "if (before.row.endedAt !== undefined) batch.revived.push(row);",
        replace: "",
      },
    ],
    killer: simulator,
  },
];
