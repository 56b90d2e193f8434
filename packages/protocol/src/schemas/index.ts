/** Every request and response shape of the API, as JSON Schema with its TypeScript type. */
export * from "./calendar.ts";
export * from "./channel.ts";
export * from "./common.ts";
export * from "./endpoint.ts";
export * from "./event.ts";
export * from "./function.ts";
export * from "./history.ts";
export * from "./instance.ts";
export * from "./payload.ts";
export * from "./problem.ts";
export * from "./schedule.ts";
export * from "./secret.ts";
export * from "./worker.ts";
export * from "./workflow.ts";
export * from "./webhook.ts";
