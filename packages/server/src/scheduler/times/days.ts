/** Days of a calendar, in a form in which a day is found at once. */

/** Built from entries that are checked: `YYYY-MM-DD`, `YYYY-MM-DD/YYYY-MM-DD`, `--MM-DD`. */
export class DaySet {
  readonly #days = new Set<string>();
  /** `MM-DD`. */
  readonly #yearly = new Set<string>();
  /** In order, and apart from each other. */
  readonly #ranges: { readonly from: string; until: string }[] = [];

  constructor(entries: readonly string[]) {
    const ranges: { readonly from: string; readonly until: string }[] = [];
    for (const entry of entries) {
      if (entry.startsWith("--")) this.#yearly.add(entry.slice(2));
      else if (entry.length === 10) this.#days.add(entry);
      else ranges.push({ from: entry.slice(0, 10), until: entry.slice(11) });
    }
    for (const { from, until } of ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
      const last = this.#ranges.at(-1);
      if (last === undefined || last.until < from) this.#ranges.push({ from, until });
      else if (last.until < until) last.until = until;
    }
  }

  /** @param date `YYYY-MM-DD`: dates of four-digit years are in the order of their texts */
  has(date: string): boolean {
    return this.#days.has(date) || this.#yearly.has(date.slice(5)) || this.#inRange(date);
  }

  /** Whether the last range that does not begin after the date reaches it. */
  #inRange(date: string): boolean {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.from ?? "") <= date) low = middle + 1;
      else high = middle;
    }
    return date <= (this.#ranges[low - 1]?.until ?? "");
  }
}
