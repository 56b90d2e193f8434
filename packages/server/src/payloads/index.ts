/** Payloads as a library: the ports, and the service over them. */
export * from "./catalog.ts";
export * from "./payloads.ts";
export { FRESH, PayloadService, type ServiceParts } from "./service.ts";
export { Stores } from "./stores.ts";
export { type OpenPayloads, openPayloads } from "./open.ts";
/** What it stands on. */
export { systemClock } from "../clock.ts";
export { migrate } from "../store/postgres/migrate.ts";
