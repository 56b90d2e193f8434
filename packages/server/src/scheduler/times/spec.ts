/** When a schedule is due: plain JSON, checked where it is read (`../read-spec.ts`). */

export type Trigger =
  | { readonly kind: "cron"; readonly expression: string }
  | { readonly kind: "every"; readonly milliseconds: number }
  | { readonly kind: "after"; readonly milliseconds: number }
  | { readonly kind: "on" };

/** Instants are epoch milliseconds, integers. */
export interface TimesSpec {
  readonly trigger: Trigger;
  /** IANA name. */
  readonly timeZone: string;
  readonly dstGap: "run" | "skip";
  readonly dstOverlap: "first" | "second" | "both";
  /** Milliseconds; a run is put off by less than this, always the same for the same nominal time. */
  readonly jitter?: number;
  /** No nominal time before it; `every` counts from it. */
  readonly startAt?: number;
  /** No nominal time after it. */
  readonly endAt?: number;
  /** When the schedule was made: what `every` counts from when there is no `startAt`. */
  readonly anchor: number;
  /** `YYYY-MM-DD` in the time zone, first and last day `YYYY-MM-DD/YYYY-MM-DD`, or `--MM-DD` of every year. */
  readonly excludedDates?: readonly string[];
}
