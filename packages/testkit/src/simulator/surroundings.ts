/** What every part of a simulation shares. */
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import type { Loop } from "./loop.ts";
import type { Machine } from "./machine.ts";
import type { Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { Sometimes } from "./sometimes.ts";

export interface Surroundings {
  readonly seed: number;
  readonly loop: Loop;
  readonly plan: Plan;
  readonly database: Database;
  readonly time: DatabaseTime;
  /** What messages meet on their way. */
  readonly network: Random;
  /** Instances in a batch whose sender does not know whether it was written. */
  readonly uncertain: Set<string>;
  /** True once nothing goes wrong any more. */
  readonly calm: () => boolean;
  /** A rare path was taken. */
  readonly met: (what: Sometimes) => void;
  /** A line for who reads a failure. */
  readonly trace: (line: string) => void;
  /** An invariant does not hold: the simulation ends. */
  readonly violation: (what: string) => void;
  /** The machine's process ends here and now. */
  readonly kill: (machine: Machine, why: string) => void;
}
