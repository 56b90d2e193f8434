/** Priorities: what goes first when there is more to do than can be done at once. */

/** By number, the first to go first; the name of number n is `Pn`. */
export const PRIORITY_NAMES = Object.freeze(["P0", "P1", "P2", "P3", "P4"] as const);
export type PriorityName = (typeof PRIORITY_NAMES)[number];

/** The numbers, 0 … 4. */
export const PRIORITIES: readonly number[] = Object.freeze(PRIORITY_NAMES.map((_, n) => n));

/** Of what names none. */
export const DEFAULT_PRIORITY = 2;

/** `P0` … `P4` → 0 … 4. */
export function priorityNumber(name: PriorityName): number {
  return PRIORITY_NAMES.indexOf(name);
}

/** 0 … 4 → `P0` … `P4`; undefined is the default. */
export function priorityName(priority: number = DEFAULT_PRIORITY): PriorityName {
  const name = PRIORITY_NAMES[priority];
  if (name === undefined) throw new RangeError(`${priority} is no priority`);
  return name;
}
