/** What the service of payloads counts, as metrics. */
import type { PayloadFigures } from "../payloads/payloads.ts";
import { type Family, single } from "./families.ts";

export function payloadFamilies(service: PayloadFigures): readonly Family[] {
  const counter = (name: string, help: string, value: number): Family =>
    single("counter", `millrace_payloads_${name}_total`, help, value);
  return [
    counter("kept", "Payloads put by users, those that were there included.", service.kept),
    counter("released", "Payloads deleted by users.", service.released),
    counter("hits", "Reads that were answered from memory.", service.hits),
    counter("misses", "Reads that the database was asked for.", service.misses),
    counter("corrupt", "Times that no copy of a payload was right.", service.corrupt),
    counter("repaired", "Damaged or missing copies that were written anew.", service.repaired),
    single(
      "gauge",
      "millrace_payload_cache_bytes",
      "Memory for payloads in use.",
      service.cacheBytes,
    ),
  ];
}
