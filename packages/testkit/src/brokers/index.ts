/** Real brokers for tests, on free ports of loopback. */
export * from "./kafka.ts";
export * from "./mosquitto.ts";
export * from "./nats.ts";
export { selfSigned, unavailable } from "./process.ts";
export * from "./rabbitmq.ts";
export * from "./redis.ts";
