/**
 * What waits for a turn, by priority, with ageing, and tenants in turns.
 *
 * An item stands in one of ten *lanes*: five priorities, each for what somebody waits for and for what runs in the
 * background. A lane's *deadline* is the time its oldest item was queued, plus a delay that grows with the priority's number
 * ({@link AGE}, {@link BACKGROUND}). The lane with the earliest deadline goes next: so whoever waits long enough wins over
 * whoever has just come, and nobody starves.
 *
 * Deadlines alone would make one queue in order of age of a backlog that is older than the delays, and a priority would
 * mean nothing just when there is much to do. So a lane that goes before a higher one, because of its age, does so *once*:
 * after it the highest lane goes, whatever the ages. What has a high priority waits for one older item between two of its
 * own at most, and what is old gets half of the turns at least.
 *
 * In a lane tenants take turns, each first come first served; a tenant that comes anew is last in the round. Together:
 * before an item go at most 2 × tenants × (items with an earlier deadline) others.
 */
import { DEFAULT_PRIORITY, PRIORITIES } from "@millrace/protocol";

/** Milliseconds of waiting that make up for one priority. */
export const AGE = 250;
/** Milliseconds that work in the background stands behind other work of its priority. */
export const BACKGROUND = 100;

/** Where an item belongs. */
export interface Rank {
  /** 0 (first) … 4 (last); {@link DEFAULT_PRIORITY} when absent. */
  readonly priority?: number | undefined;
  readonly tenant: string;
  /** Nobody waits for it. */
  readonly background?: boolean | undefined;
}

/** An item in the queue; what can be taken out of the middle. */
export interface Queued<T> {
  value: T;
  /** Milliseconds, by the clock of whoever queues. */
  readonly queuedAt: number;
  /** Smaller goes first: twice the priority, and one more in the background. */
  readonly lane: number;
  readonly tenant: string;
}

interface Node<T> extends Queued<T> {
  /** Undefined when it is not, or no longer, in the queue. */
  turn: Turn<T> | undefined;
  /** Neighbours in the lane, by age. */
  older: Node<T> | undefined;
  newer: Node<T> | undefined;
  /** Neighbours among the items of its tenant. */
  before: Node<T> | undefined;
  after: Node<T> | undefined;
}

/** A tenant in the round of a lane. */
interface Turn<T> {
  readonly tenant: string;
  first: Node<T> | undefined;
  last: Node<T> | undefined;
  left: Turn<T>;
  right: Turn<T>;
}

interface Lane<T> {
  readonly index: number;
  /** Milliseconds. */
  readonly delay: number;
  size: number;
  oldest: Node<T> | undefined;
  newest: Node<T> | undefined;
  readonly turns: Map<string, Turn<T>>;
  /** Whose turn it is; the round is a ring. Each in it has items, but for the one that is left when the lane is empty. */
  next: Turn<T> | undefined;
}

/** The lane of an item; a smaller one goes first. */
export function laneOf(priority: number = DEFAULT_PRIORITY, background = false): number {
  return 2 * priority + (background ? 1 : 0);
}

/** All operations take constant time. */
export class FairQueue<T> {
  readonly #lanes: readonly Lane<T>[] = PRIORITIES.flatMap((priority) =>
    [0, BACKGROUND].map((extra, side) => ({
      index: laneOf(priority, side === 1),
      delay: priority * AGE + extra,
      size: 0,
      oldest: undefined,
      newest: undefined,
      turns: new Map<string, Turn<T>>(),
      next: undefined,
    })),
  );
  /** Bit n is set when lane n has items. */
  #filled = 0;
  #size = 0;
  /** The last item went before a higher lane. */
  #jumped = false;

  get size(): number {
    return this.#size;
  }

  /** @param queuedAt now, in milliseconds: never less than at the call before */
  push(value: T, { priority, tenant, background }: Rank, queuedAt: number): Queued<T> {
    const lane = laneOf(priority, background);
    const node: Node<T> = {
      value,
      queuedAt,
      lane,
      tenant,
      turn: undefined,
      older: undefined,
      newer: undefined,
      before: undefined,
      after: undefined,
    };
    this.#enter(node, "last");
    return node;
  }

  /** Puts back what was taken: it is the first of its tenant again, and counts as the oldest of its lane. */
  putBack(item: Queued<T>): void {
    if (!this.has(item)) this.#enter(item as Node<T>, "first");
  }

  /** What goes next. */
  peek(): Queued<T> | undefined {
    let earliest: Lane<T> | undefined;
    let deadline = Number.POSITIVE_INFINITY;
    // The lanes that have items, from the highest on: mostly there is one.
    for (let filled = this.#filled; filled !== 0; filled &= filled - 1) {
      const lane = this.#laneAt(31 - Math.clz32(filled & -filled));
      if (this.#jumped) return lane.next?.first;
      const its = (lane.oldest?.queuedAt ?? 0) + lane.delay;
      if (its >= deadline) continue;
      deadline = its;
      earliest = lane;
    }
    return earliest?.next?.first;
  }

  /** Takes an item out as the one whose turn it is. Undefined when the queue is empty. */
  take(item: Queued<T> | undefined = this.peek()): T | undefined {
    if (item === undefined) return undefined;
    const lane = this.#laneAt(item.lane);
    const { turn } = item as Node<T>;
    if (turn === undefined) return undefined;
    lane.next = turn.right;
    this.#jumped = (this.#filled & ((1 << item.lane) - 1)) !== 0;
    this.remove(item);
    return item.value;
  }

  /** Takes an item out that is no longer wanted. False when it is not in the queue. */
  remove(item: Queued<T>): boolean {
    const node = item as Node<T>;
    const { turn } = node;
    if (turn === undefined) return false;
    const lane = this.#laneAt(node.lane);
    const { older, newer, before, after } = node;
    if (older === undefined) lane.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) lane.newest = older;
    else newer.older = older;
    if (before === undefined) turn.first = after;
    else before.after = after;
    if (after === undefined) turn.last = before;
    else after.before = before;
    // The last of a round stays: mostly it is the next to come as well.
    if (turn.first === undefined && turn.right !== turn) leave(lane, turn);
    node.turn = undefined;
    node.older = node.newer = node.before = node.after = undefined;
    lane.size -= 1;
    this.#size -= 1;
    if (lane.size === 0) this.#filled &= ~(1 << lane.index);
    return true;
  }

  /** True while it waits here. */
  has(item: Queued<T>): boolean {
    return (item as Node<T>).turn !== undefined;
  }

  /** Items by priority. */
  depths(): readonly number[] {
    return PRIORITIES.map((priority) => {
      const [waited, background] = this.#ofPriority(priority);
      return waited.size + background.size;
    });
  }

  /** Milliseconds that the oldest item of each priority has waited; 0 where there is none. */
  ages(now: number): readonly number[] {
    return PRIORITIES.map((priority) => {
      const [waited, background] = this.#ofPriority(priority);
      const since = (lane: Lane<T>): number => now - (lane.oldest?.queuedAt ?? now);
      return Math.max(since(waited), since(background));
    });
  }

  #ofPriority(priority: number): readonly [Lane<T>, Lane<T>] {
    return [this.#laneAt(laneOf(priority)), this.#laneAt(laneOf(priority, true))];
  }

  #laneAt(index: number): Lane<T> {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`there is no lane ${index}`);
    return lane;
  }

  #enter(node: Node<T>, place: "first" | "last"): void {
    const lane = this.#laneAt(node.lane);
    const turn = turnOf(lane, node.tenant);
    node.turn = turn;
    if (place === "last") {
      node.older = lane.newest;
      node.before = turn.last;
    } else {
      node.newer = lane.oldest;
      node.after = turn.first;
    }
    if (node.older === undefined) lane.oldest = node;
    else node.older.newer = node;
    if (node.newer === undefined) lane.newest = node;
    else node.newer.older = node;
    if (node.before === undefined) turn.first = node;
    else node.before.after = node;
    if (node.after === undefined) turn.last = node;
    else node.after.before = node;
    lane.size += 1;
    this.#size += 1;
    this.#filled |= 1 << lane.index;
  }
}

function turnOf<T>(lane: Lane<T>, tenant: string): Turn<T> {
  if (lane.next?.tenant === tenant) return lane.next;
  if (lane.size === 0) {
    lane.turns.clear();
    lane.next = undefined;
  }
  return lane.turns.get(tenant) ?? join(lane, tenant);
}

/** A tenant comes into the round: behind all others. */
function join<T>(lane: Lane<T>, tenant: string): Turn<T> {
  const turn: Partial<Turn<T>> & { tenant: string } = { tenant, first: undefined, last: undefined };
  const mine = turn as Turn<T>;
  const { next = mine } = lane;
  mine.right = next;
  mine.left = next === mine ? mine : next.left;
  mine.left.right = mine;
  next.left = mine;
  lane.next = next;
  lane.turns.set(tenant, mine);
  return mine;
}

function leave<T>(lane: Lane<T>, turn: Turn<T>): void {
  turn.left.right = turn.right;
  turn.right.left = turn.left;
  if (lane.next === turn) lane.next = turn.right;
  lane.turns.delete(turn.tenant);
}
