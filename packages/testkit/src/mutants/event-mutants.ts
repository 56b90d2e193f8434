/** Planted bugs in how events come to whoever waits for them: the simulator finds them. */
import type { Killer, Mutant } from "./mutant.ts";

const SERVER = "packages/server/src";
/** The tables of events in memory stand for statements that only one database has. */
const TABLES = "packages/testkit/src/simulator/event-tables.ts";
const simulator: Killer = { kind: "simulator", seeds: 2000 };

const mutant = (
  name: string,
  breaks: string,
  file: string,
  find: string,
  replace: string,
): Mutant => ({ name, breaks, edits: [{ file, find, replace }], killer: simulator });

export const EVENT_MUTANTS: readonly Mutant[] = [
  mutant(
    "event-not-given-back",
    "an event that an instance refused is held back from its later listens",
    `${SERVER}/owner/decide-batch.ts`,
    "batch.returned.push({ targetId: slot.id, seq: entry.command.seq });",
    "void 0;",
  ),
  mutant(
    "event-applied-again",
    "after a commit of unknown outcome an event is taken a second time",
    `${SERVER}/owner/entry.ts`,
    'return command.kind === "event.delivered" && message !== undefined;',
    'return command.kind === "event.delivered" && message === undefined;',
  ),
  mutant(
    "event-before-its-wait-lost",
    "nobody looks for events that came before the wait",
    `${SERVER}/events/services.ts`,
    "all: [delivery.match, delivery.look, retentionService(common)]",
    "all: [delivery.match, retentionService(common)]",
  ),
  mutant(
    "event-not-matched",
    "events are not matched with who waits already",
    `${SERVER}/events/services.ts`,
    "all: [delivery.match, delivery.look, retentionService(common)]",
    "all: [delivery.look, retentionService(common)]",
  ),
  mutant(
    "event-overtakes-the-look",
    "an event is delivered to a wait whose look has not brought the earlier ones",
    TABLES,
    "    if (look !== undefined && look.after < seq) return false;\n",
    "",
  ),
  mutant(
    "event-sent-twice",
    "a match and a look send one event both",
    TABLES,
    "if (this.marks.has(name) || received === undefined) return false;",
    "if (received === undefined) return false;",
  ),
  mutant(
    "event-duplicate-taken",
    "an event that was published again counts as another",
    TABLES,
    "      if (this.#known.has(name)) continue;\n",
    "",
  ),
  mutant(
    "event-wait-outlives-its-instance",
    "what an instance waited for is still looked for when it has it",
    `${SERVER}/owner/effects.ts`,
    "      return batch.subscriptions.end({ partition, instanceId, id: effect.subscriptionId });",
    "      return;",
  ),
  mutant(
    "event-for-a-paused-schedule",
    "a schedule that is paused goes on listening",
    `${SERVER}/scheduler/strategy.ts`,
    'spec.trigger.kind !== "on" || paused !== undefined || isOver(spec, now)',
    'spec.trigger.kind !== "on" || (paused !== undefined && now < 0) || isOver(spec, now)',
  ),
  mutant(
    "event-order-of-mail",
    "mails of events do not sort as the events came",
    TABLES,
    'seq.toString(16).padStart(12, "0")',
    '(0xffffff - seq).toString(16).padStart(12, "0")',
  ),
];
