/** When a schedule is due. Pure: no clock, no database. */
export { clockAt, type ClockTime, type PreviewedTime, preview, type Shift } from "./preview.ts";
export { DaySet } from "./days.ts";
export type { TimesSpec, Trigger } from "./spec.ts";
export { dateIn, localIn } from "./text.ts";
export {
  fireAt,
  isExcluded,
  type Nominal,
  nextNominal,
  nominalAfterEnd,
  nominalsBetween,
} from "./times.ts";
export { type TimeZone, timeZone, TimeZoneError } from "./zone.ts";
