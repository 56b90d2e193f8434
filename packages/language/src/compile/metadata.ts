/**
 * What Millrace reads in `document.metadata`: all of it stands under `millrace`. The DSL leaves metadata to whoever runs the
 * workflow, so other keys there are other people's.
 */
import type { Json } from "../json.ts";
import { asObject, down, type Place, report } from "./place.ts";

/** The priority of a workflow's instances, 0 … 4: `document.metadata.millrace.priority`, one of `P0` … `P4`. */
export function compilePriority(document: Json | undefined, place: Place): number | undefined {
  const written = asObject(asObject(asObject(document).metadata).millrace).priority;
  if (written === undefined) return undefined;
  if (typeof written === "string" && /^P[0-4]$/.test(written)) return Number(written[1]);
  report(
    down(place, "metadata", "millrace", "priority"),
    "value",
    `${JSON.stringify(written)} is no priority: expected P0 (first), P1, P2, P3 or P4 (last)`,
    { expected: "P0, P1, P2, P3 or P4" },
  );
  return undefined;
}
