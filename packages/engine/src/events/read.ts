/** What of an event is handed on (DSL reference "Listen": `read`). */
import type { EventRead, Json, JsonObject } from "@millrace/language";

/**
 * @param event a CloudEvent in the JSON format: its data under `data`, or under `data_base64` when it is binary
 * @returns `data`: the data (binary data as base64 text), null when there is none. `envelope`: the whole event. `raw`: the
 *   data as text: text and base64 as they are, anything else as compact JSON; null when there is none.
 */
export function readEvent(event: JsonObject, read: EventRead): Json {
  if (read === "envelope") return event;
  const data = event.data ?? event.data_base64 ?? null;
  if (read === "data" || typeof data === "string" || data === null) return data;
  return JSON.stringify(data);
}
