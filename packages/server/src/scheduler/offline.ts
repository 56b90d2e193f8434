/** What can be said of a schedule without a server: whether it is right, and when it would start something. Pure. */
import type { SchedulePreview } from "@millrace/protocol";
import * as wire from "../api/schedule-wire.ts";
import type { ScheduleSpec } from "./schedule.ts";
import { preview } from "./times/index.ts";

export { readSpec } from "./read-spec.ts";
export { RuntimeError } from "../runtime.ts";
export type { ScheduleSpec } from "./schedule.ts";

/**
 * The next times of a spec that no schedule has yet: as if it were made at `after`. Jitter depends on the schedule's id, so
 * there is none in it.
 * @param after epoch milliseconds
 */
export function previewOffline(spec: ScheduleSpec, after: number, count: number): SchedulePreview {
  const plain = { ...spec, anchor: after, jitter: 0 };
  const times = preview(plain, "", after, count);
  return wire.preview(
    spec,
    times.map(({ nominal, excluded }) => ({ nominal, dueAt: nominal, excluded })),
  );
}
