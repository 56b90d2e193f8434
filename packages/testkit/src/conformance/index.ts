/** The conformance cases, for every host of the engine. */
export { type Case, readCases } from "./case.ts";
export { bringing } from "./messages.ts";
export { checkOutcome, type Outcome, runCase } from "./run-case.ts";
export { type ScriptedServers, startServers } from "./servers.ts";
