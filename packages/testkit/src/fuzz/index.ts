/** Fuzzing: `npm run fuzz`; see docs/TESTING.md. */
import { apiTarget } from "./api/target.ts";
import type { Target } from "./campaign.ts";
import { definitionTarget } from "./definition/target.ts";
import { engineTarget } from "./engine/target.ts";
import { yamlTarget } from "./yaml/target.ts";

export {
  type CampaignResult,
  type Finding,
  replay,
  runCampaign,
  type Session,
  type Target,
} from "./campaign.ts";

export const TARGETS: readonly Target[] = [yamlTarget, definitionTarget, engineTarget, apiTarget];
