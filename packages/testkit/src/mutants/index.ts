/** All planted bugs. docs/TESTING.md says how they are run. */
import { ENGINE_MUTANTS } from "./engine-mutants.ts";
import { EVENT_MUTANTS } from "./event-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { OWNER_MUTANTS } from "./owner-mutants.ts";
import { PAYLOAD_MUTANTS } from "./payload-mutants.ts";
import { QUEUE_MUTANTS } from "./queue-mutants.ts";
import { SCHEDULE_MUTANTS } from "./schedule-mutants.ts";
import { STORE_MUTANTS } from "./store-mutants.ts";
import { SUBSCRIPTION_MUTANTS } from "./subscription-mutants.ts";

export { type Killer, type Mutant, occurrences } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  ...OWNER_MUTANTS,
  ...ENGINE_MUTANTS,
  ...EVENT_MUTANTS,
  ...PAYLOAD_MUTANTS,
  ...QUEUE_MUTANTS,
  ...SCHEDULE_MUTANTS,
  ...STORE_MUTANTS,
  ...SUBSCRIPTION_MUTANTS,
];
