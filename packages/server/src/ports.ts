/** What a node is built from and over, for those who build one of other parts: the simulator. */
export type {
  ActivityExecutor,
  ActivityRequest,
  ActivityResult,
  Feed,
} from "./activities/executor.ts";
export type { Clock } from "./clock.ts";
export type { Coordinator } from "./cluster/coordinator.ts";
export { childInstanceId } from "./cluster/placement.ts";
export type { Logger } from "./logger.ts";
export type { Outcome } from "./owner/entry.ts";
export * from "./payloads/blob-store.ts";
export { databaseClock } from "./runtime/database-clock.ts";
export { type EngineNode, engineNode } from "./runtime/node.ts";
export { within } from "./runtime/within.ts";
export { scheduleId } from "./scheduler/ids.ts";
export type * from "./scheduler/schedule.ts";
export type { Schedules } from "./scheduler/service.ts";
export { type EngineValues, PayloadError } from "./payloads/payloads.ts";
export * from "./payloads/sweep-store.ts";
export { payloadSweeper, type SweeperConfig } from "./payloads/sweeper.ts";
export { fill as fillRecord, takeRefs } from "./payloads/spill.ts";
export { RuntimeError } from "./runtime.ts";
export * from "./store/store.ts";
export * from "./store/events.ts";
export { Workers } from "./workers/workers.ts";
