import type { CloudEvent, EventsAccepted } from "@millrace/protocol";
import type { Transport } from "./transport.ts";

/** `/v1/events`. Methods reject with a {@link MillraceError}. */
export class Events {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Publishes CloudEvents; resolves when they are durable. An event known by its `source` and `id` counts once. */
  publish(events: CloudEvent | readonly CloudEvent[]): Promise<EventsAccepted> {
    const batch = Array.isArray(events) ? "-batch" : "";
    return this.#transport.json({
      method: "POST",
      path: "/v1/events",
      headers: { "content-type": `application/cloudevents${batch}+json` },
      body: JSON.stringify(events),
    });
  }
}
