/** How long HTTP requests took: kept as plain numbers, for the library's own histograms cost more than a small request does. */
import { Histogram } from "../owner/histogram.ts";
import type { Family, Labels } from "./families.ts";

export class RequestTimes {
  readonly #bounds: readonly number[];
  readonly #times = new Map<string, { readonly labels: Labels; readonly times: Histogram }>();

  /** @param bounds seconds */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(method: string, route: string, status: number, seconds: number): void {
    const key = `${method} ${status} ${route}`;
    let found = this.#times.get(key);
    if (found === undefined) {
      const labels = { method, route, status: String(status) };
      found = { labels, times: new Histogram(this.#bounds) };
      this.#times.set(key, found);
    }
    found.times.observe(seconds);
  }

  family(): Family {
    return {
      name: "millrace_http_request_duration_seconds",
      help: "Time from a request's arrival to the end of its response.",
      type: "histogram",
      samples: Array.from(this.#times.values(), ({ labels, times }) => ({
        labels,
        histogram: times.view(),
      })),
    };
  }
}
