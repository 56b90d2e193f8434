/** The simulator: the engine's node under simulated faults, from a seed. docs/TESTING.md says what it covers. */
export { runSeeds, type SeedsReport } from "./run.ts";
export { type SimulationReport, simulateSeed } from "./simulation.ts";
export { missing, SOMETIMES } from "./sometimes.ts";
