/** What the sweeper asks of the database's tables of payloads, in memory: each question is answered at one instant. */
import type {
  Holder,
  Look,
  PayloadRefRow,
  SeenRef,
  Swept,
  SweepPlace,
} from "@millrace/server/ports";
import type { PayloadTables, StoredPayload, StoredRef } from "./payload-tables.ts";

/** Is told at the instant at which something is gone. */
export interface SweepWatch {
  swept(rows: readonly StoredPayload[]): void;
  dropped(refs: readonly StoredRef[]): void;
}

/** What the other tables say. */
export interface Texts {
  /** All texts of an instance or a schedule that may mention payloads. */
  textsOf(holder: string): Iterable<string>;
  revisionOf(instance: string): number | undefined;
  /** Something is on its way to it. */
  expects(instance: string): boolean;
  hasEvent(id: string): boolean;
}

type Marked = Omit<Look, "unmentioned">;

/** Milliseconds within which what began before a look has ended. */
const UNDER_WAY = 60_000;

export class PayloadSweeps {
  readonly #tables: PayloadTables;
  readonly #texts: Texts;
  readonly #now: () => number;
  readonly #watch: SweepWatch;
  readonly #marks = new Map<string, Marked>();
  readonly #rounds = new Map<string, number>();

  constructor(tables: PayloadTables, texts: Texts, now: () => number, watch: SweepWatch) {
    this.#tables = tables;
    this.#texts = texts;
    this.#now = now;
    this.#watch = watch;
  }

  sweep(grace: number, after: SweepPlace | undefined, stretch: number) {
    const before = this.#now() - grace;
    const places = [...this.#tables.stored.values()]
      .filter(({ touchedAt }) => touchedAt <= before)
      .toSorted(byPlace)
      .filter((row) => after === undefined || byPlace(after, row) < 0)
      .slice(0, stretch);
    const referred = new Set([...this.#tables.refs.values()].map(keyOf));
    const gone = places.filter((row) => !referred.has(keyOf(row)));
    for (const row of gone) this.#tables.stored.delete(keyOf(row));
    this.#watch.swept(gone);
    const swept = gone.map(
      ({ tenant, digest, bytes }): Swept => ({ tenant, digest, size: bytes.length }),
    );
    const last = places.at(-1);
    return last === undefined || places.length < stretch ? { swept } : { swept, next: last };
  }

  beginRound(name: string, pause: number): boolean {
    const [now, began] = [this.#now(), this.#rounds.get(name)];
    if (began !== undefined && began > now - pause && began <= now) return false;
    this.#rounds.set(name, now);
    return true;
  }

  holders(after: string, stretch: number, grace: number) {
    const all = new Set([...this.#tables.refs.values()].map(({ holder }) => holder));
    const some = [...all]
      .filter((holder) => holder > after)
      .toSorted()
      .slice(0, stretch);
    const due = some.flatMap((holder) => this.#due(holder, grace));
    const next = some.at(-1);
    return next === undefined || some.length < stretch ? { due } : { due, next };
  }

  #due(holder: string, grace: number): readonly Holder[] {
    const refs = [...this.#tables.refs.values()].filter((ref) => ref.holder === holder);
    const ats = refs.map(({ at }) => at);
    const now = this.#now();
    if (Math.min(...ats) > now - grace) return [];
    const kind = refs[0]?.kind ?? "instance";
    const mark = this.#marks.get(holder);
    if (kind !== "instance" || mark === undefined) return [{ holder, kind }];
    if (mark.at > now - grace && mark.at <= now) return [];
    const changed =
      !mark.settled ||
      Math.max(...ats) > mark.at - Math.max(grace, UNDER_WAY) ||
      mark.revision !== this.#texts.revisionOf(holder);
    return changed ? [{ holder, kind }] : [];
  }

  lookAt(instance: string, grace: number): Look {
    const mentioned = new Set<string>();
    for (const text of this.#texts.textsOf(instance))
      for (const digest of mentionsIn(text)) mentioned.add(digest);
    const unmentioned = this.#old(grace)
      .filter(({ holder, digest }) => holder === instance && !mentioned.has(digest))
      .map(seen);
    const revision = this.#texts.revisionOf(instance);
    return { at: this.#now(), revision, settled: !this.#texts.expects(instance), unmentioned };
  }

  lostEvents(holders: readonly string[], grace: number): readonly SeenRef[] {
    return this.#old(grace)
      .filter(({ holder }) => holders.includes(holder) && !this.#texts.hasEvent(holder))
      .map(seen);
  }

  #old(grace: number): readonly StoredRef[] {
    return [...this.#tables.refs.values()].filter(({ at }) => at <= this.#now() - grace);
  }

  dropRefs(refs: readonly SeenRef[]): number {
    const same = refs.flatMap(({ holder, digest, at }) => {
      const ref = this.#tables.refs.get(`${holder} ${digest}`);
      return ref?.at === at ? [ref] : [];
    });
    this.#drop(same);
    return same.length;
  }

  /** With the holders, in one transaction. */
  letGo(holders: readonly string[]): void {
    this.#drop([...this.#tables.refs.values()].filter(({ holder }) => holders.includes(holder)));
  }

  #drop(refs: readonly StoredRef[]): void {
    for (const { holder, digest } of refs) this.#tables.refs.delete(`${holder} ${digest}`);
    this.#watch.dropped(refs);
  }

  mark(instance: string, look: Marked): void {
    this.#marks.set(instance, look);
  }

  pruneMarks(): void {
    const holders = new Set([...this.#tables.refs.values()].map(({ holder }) => holder));
    for (const holder of this.#marks.keys()) if (!holders.has(holder)) this.#marks.delete(holder);
  }
}

function seen({ holder, digest, at }: StoredRef): SeenRef {
  return { holder, digest, at };
}

export function keyOf({ tenant, digest }: Pick<PayloadRefRow, "tenant" | "digest">): string {
  return `${tenant}/${digest}`;
}

function byPlace(a: SweepPlace, b: SweepPlace): number {
  if (a.touchedAt !== b.touchedAt) return a.touchedAt - b.touchedAt;
  const [one, other] = [keyOf(a), keyOf(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Digests that the references in a text name. */
export function mentionsIn(text: string): ReadonlySet<string> {
  if (!text.includes('"$refs"')) return NONE;
  return new Set([...text.matchAll(/"([0-9a-f]{64})"/g)].map(([, digest = ""]) => digest));
}
const NONE: ReadonlySet<string> = new Set();
