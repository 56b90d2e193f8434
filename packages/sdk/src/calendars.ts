import type { Calendar, CalendarList, CalendarSpec, CalendarSummary } from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface CalendarFilter {
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/** `/v1/calendars`: days on which schedules start nothing. Methods reject with a {@link MillraceError}. */
export class Calendars {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Makes a calendar, or replaces it for every time that is decided from now on. */
  set(name: string, calendar: CalendarSpec): Promise<Calendar> {
    return this.#transport.json({
      method: "PUT",
      path: addressOf(name),
      headers: { "content-type": "application/json" },
      body: JSON.stringify(calendar),
    });
  }

  get(name: string): Promise<Calendar> {
    return this.#transport.json({ method: "GET", path: addressOf(name) });
  }

  /** Every calendar by name, without its days. */
  list(filter: CalendarFilter = {}): AsyncGenerator<CalendarSummary, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: CalendarFilter & { readonly cursor?: string } = {}): Promise<CalendarList> {
    return this.#transport.json({ method: "GET", path: "/v1/calendars", query: { ...filter } });
  }

  /** Refused while a schedule refers to it. */
  async delete(name: string): Promise<void> {
    await this.#transport.delete(addressOf(name));
  }
}

function addressOf(name: string): string {
  return `/v1/calendars/${encodeURIComponent(name)}`;
}
