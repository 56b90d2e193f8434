/** What every store of payloads is held to. */
export * from "./blob-store-suite.ts";
export * from "./bodies.ts";
export * from "./power-cut.ts";
export * from "./s3-server.ts";
export { mountSmallDisk, type SmallDisk } from "../crash/small-disk.ts";
export { TcpProxy } from "../crash/tcp-proxy.ts";
export { unprivilegedUser } from "../postgres-server.ts";
export { type Cassandra, cassandraUnavailable, startCassandra } from "./cassandra-server.ts";
export { type Random, seeded } from "../crash/random.ts";
