/** Rare paths that a run over many seeds has to have taken: a simulation that never meets them proves nothing about them. */

export const SOMETIMES = [
  "a commit of a stale epoch was refused",
  "a commit of unknown outcome had been written",
  "a commit of unknown outcome had not been written",
  "a commit was written after its sender was told that the outcome is unknown",
  "a commit on its way met a newer epoch",
  "a commit was refused without a reason of ours",
  "the database crashed with a commit on its way",
  "the database refused connections",
  "a node was killed",
  "a node was killed as it called the database",
  "a node was stopped in order",
  "a node was paused for longer than its lease",
  "a lease ended and another node took the partition",
  "a lease was given back",
  "partitions were taken, and the answer was lost",
  "a node found out that it had lost a partition",
  "an activity was delivered again",
  "an activity was kept apart from its instance",
  "an answer came too late and was dropped",
  "an activity was asked for by two nodes at once",
  "a running activity was aborted",
  "an activity never answered",
  "a subscription was opened again",
  "an executor threw",
  "a start was answered again with the same id",
  "a start with the key of another request was refused",
  "a start was answered after its node had been asked twice",
  "a start without a key was lost",
  "a timer was set by one epoch and fired by another",
  "a timer beyond the horizon fired",
  "a result arrived while the instance was suspended",
  "an instance was cancelled",
  "an instance was suspended and resumed",
  "a signal came too late",
  "a retry failed and was repeated",
  "a faulted instance was retried",
  "a retry was refused",
  "a retry was asked for again, and had been carried out",
  "a timeout ended an activity",
  "a timeout ended a workflow",
  "a parent cancelled its child",
  "a child's end was told to its parent in another partition",
  "an instance was decided by three epochs",
  "another process took a partition over",
  "the database's clock was set forward",
  "the database's clock was set back",
  "the clock of a node was set",
  "a time was decided and then the clock was set back over it",
  "a time waited for an end",
  "failures paused a schedule",
  "an event was consumed",
  "an event came twice to its owner",
  "an event was refused and given back",
  "an event was published again and known",
  "a timer had to wait again because the clock was set back",
  "a large value was referred to",
  "a large value was loaded again",
  "a schedule had a large value",
  "a value was referred to again",
  "a value was swept",
  "a value was swept before it was referred to",
  "a value was stored again after it was swept",
  "a reference that stood for nothing was dropped",
] as const;

export type Sometimes = (typeof SOMETIMES)[number];

/** How often each was met. */
export type Tally = Record<Sometimes, number>;

export function newTally(): Tally {
  return Object.fromEntries(SOMETIMES.map((name) => [name, 0])) as Tally;
}

export function addTally(to: Tally, from: Tally): void {
  for (const name of SOMETIMES) to[name] += from[name];
}

/** Those that a run over this many seeds should have met, and has not. */
export function missing(tally: Tally): readonly Sometimes[] {
  return SOMETIMES.filter((name) => tally[name] === 0);
}
