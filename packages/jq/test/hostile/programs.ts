/** All hostile programs and how each must end. Each gets `null` as input. */
import { ENDLESS } from "./endless.ts";
import { FAR, HUGE } from "./huge.ts";
import { MATCHING, PUZZLING } from "./matching.ts";

export interface HostileGroup {
  readonly title: string;
  /** `budget`: with the budget error. `any`: with that, an error of the program, or outputs; but soon and in little memory. */
  readonly ending: "budget" | "any";
  readonly programs: readonly string[];
}

export const HOSTILE: readonly HostileGroup[] = [
  { title: "ends", ending: "budget", programs: ENDLESS },
  { title: "stays small", ending: "budget", programs: HUGE },
  { title: "reaches nowhere", ending: "budget", programs: FAR },
  { title: "matches within a budget", ending: "budget", programs: MATCHING },
  { title: "takes it", ending: "any", programs: PUZZLING },
];
