/** What the sweeper of payloads counts, as metrics. */
import type { SweeperFigures } from "../payloads/sweeper.ts";
import { type Family, single } from "./families.ts";

type Counted = Exclude<keyof SweeperFigures, "waiting" | "unknown">;

/** Metric name (without `millrace_`) and help of each counter. */
const COUNTERS: { readonly [Key in Counted]: readonly [name: string, help: string] } = {
  payloads: ["payloads_swept_total", "Payloads deleted that nobody needed any more."],
  bytes: ["payloads_swept_bytes_total", "Bytes of those payloads."],
  expired: ["payloads_expired_total", "Payloads kept for a time that was over."],
  references: ["payload_references_dropped_total", "References that stood for nothing any more."],
  checkpoints: ["checkpoints_deleted_total", "Checkpoints of instances that had ended."],
  leftovers: ["payload_leftovers_deleted_total", "Blobs deleted in stores."],
};

export function sweeperFamilies(figures: SweeperFigures): readonly Family[] {
  const counters = (Object.keys(COUNTERS) as Counted[]).map((key) => {
    const [name, help] = COUNTERS[key];
    return single("counter", `millrace_${name}`, help, figures[key]);
  });
  return [
    ...counters,
    single(
      "gauge",
      "millrace_payload_leftovers_waiting",
      "Blobs that are due to be deleted in stores, counted up to 100,000.",
      figures.waiting,
    ),
    {
      name: "millrace_payload_unknown_blobs",
      help: "Blobs of a store that nothing here knows, when this server last looked through it.",
      type: "gauge",
      samples: [...figures.unknown].map(([store, value]) => ({ labels: { store }, value })),
    },
  ];
}
