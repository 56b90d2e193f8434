/**
 * The calendars as this node knows them: read anew when one has changed, which is looked for every second and at once after
 * a change made here.
 *
 * What was last read too long ago says nothing any more: another node may have changed it since. A time whose calendar is
 * not known is not decided, so a node that cannot read waits until it can.
 */
import type { Clock } from "../clock.ts";
import type { Calendars } from "./calendar.ts";
import { DaySet } from "./times/index.ts";

/** One calendar, as it was read. */
export interface ReadCalendar {
  readonly tenant: string;
  readonly name: string;
  /** Absent when it has not changed since the change that was asked for. */
  readonly dates?: readonly string[];
}

/** All calendars at one moment. */
export interface CalendarsRead {
  /** The last change among them. */
  readonly change: number;
  readonly calendars: readonly ReadCalendar[];
}

export interface CalendarReader {
  /** Differs whenever a calendar was made, changed or deleted in between. */
  mark(): Promise<string>;
  /** With the dates of those that have changed after `change`. */
  read(change: number): Promise<CalendarsRead>;
}

/** Milliseconds after which what was read says nothing any more: some tries to read it again. */
const STALE = 10_000;

export class CalendarSnapshot implements Calendars {
  readonly #reader: CalendarReader;
  readonly #clock: Pick<Clock, "monotonic">;
  #mark: string | undefined;
  #change = 0;
  #known: ReadonlyMap<string, ReadonlyMap<string, DaySet>> = new Map();
  /** When the last reading that came through had begun. */
  #readAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(reader: CalendarReader, clock: Pick<Clock, "monotonic">) {
    this.#reader = reader;
    this.#clock = clock;
  }

  days(tenant: string, name: string): DaySet | undefined {
    if (this.#clock.monotonic() - this.#readAt > STALE) return undefined;
    return this.#known.get(tenant)?.get(name);
  }

  names(tenant: string): readonly string[] {
    return [...(this.#known.get(tenant)?.keys() ?? [])];
  }

  /**
   * Resolves when everything that was committed before this call is known. Callers that come while one reads share the next
   * reading.
   * @throws what the reader throws; then everything stays as it was
   */
  refresh(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#running = this.#refresh();
        return this.#running;
      });
    return this.#next;
  }

  async #refresh(): Promise<void> {
    const begun = this.#clock.monotonic();
    const mark = await this.#reader.mark();
    if (mark !== this.#mark) {
      this.#take(await this.#reader.read(this.#change));
      this.#mark = mark;
    }
    this.#readAt = begun;
  }

  #take({ change, calendars }: CalendarsRead): void {
    const known = new Map<string, Map<string, DaySet>>();
    for (const { tenant, name, dates } of calendars) {
      const days = dates === undefined ? this.#known.get(tenant)?.get(name) : new DaySet(dates);
      if (days === undefined) throw new Error(`the calendar ${name} was read without its dates`);
      const named = known.get(tenant) ?? new Map<string, DaySet>();
      known.set(tenant, named.set(name, days));
    }
    this.#known = known;
    this.#change = Math.max(this.#change, change);
  }
}
