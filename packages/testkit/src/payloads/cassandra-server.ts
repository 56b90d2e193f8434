/** One node of Apache Cassandra, from its Maven artefacts. They are fetched once into the user's cache directory (80 MB). */
import { spawnSync } from "node:child_process";
import { globSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { mavenLibraries } from "../brokers/maven.ts";
import { type BrokerProcess, find, launch, newFolder, unavailable } from "../brokers/process.ts";
import { freePort } from "../postgres-server.ts";

const VERSION = "5.0.8";
/** It runs on these alone. */
const JAVA_VERSIONS = ["17", "11"];

export interface Cassandra {
  readonly port: number;
  readonly dataCenter: string;
  /** The one there is at the start; it may do everything. */
  readonly user: string;
  readonly password: string;
  /** What it has said since it was started last. */
  log(): string;
  /** SIGKILLs it; what it has stored stays. */
  kill(): Promise<void>;
  /** Starts it again over what it has stored, on the same port. */
  restart(): Promise<void>;
  /** Kills it and removes what it has stored. */
  stop(): Promise<void>;
}

/** See `unavailable` of the brokers. */
export function cassandraUnavailable(): string | false {
  const absent = unavailable({ java: "openjdk-17-jre-headless", mvn: "maven" });
  if (absent !== false || process.env.CI !== undefined || findJava() !== undefined) return absent;
  return `needs Java ${JAVA_VERSIONS.join(" or ")}: apt-get install openjdk-17-jre-headless`;
}

/** A new cluster of one node. */
export async function startCassandra(): Promise<Cassandra> {
  const java = findJava();
  if (java === undefined) throw new Error(`Cassandra needs Java ${JAVA_VERSIONS.join(" or ")}`);
  const libraries = mavenLibraries(`cassandra-${VERSION}`, [
    ["org.apache.cassandra", "cassandra-all", VERSION],
  ]);
  const folder = newFolder("cassandra");
  const [port, storagePort] = await Promise.all([freePort(), freePort()]);
  writeFileSync(join(folder, "cassandra.yaml"), yaml(folder, port, storagePort));
  writeFileSync(join(folder, "logback.xml"), LOGBACK);
  const start = (isReady: (log: string) => boolean): Promise<BrokerProcess> =>
    launch({
      command: java,
      args: [...javaOptions(folder, libraries), "org.apache.cassandra.service.CassandraDaemon"],
      folder,
      ready: (log) => isReady(log) && answersOptions(port),
      patience: 180_000,
    });
  let node = await start((log) => log.includes("Created default superuser"));
  return {
    port,
    dataCenter: "datacenter1",
    user: "cassandra",
    password: "cassandra",
    log: () => node.log(),
    kill: () => node.kill(),
    async restart() {
      node = await start(() => true);
    },
    async stop() {
      await node.kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The first that is of a version it runs on: in the path, then among those of Debian. */
function findJava(): string | undefined {
  const home = process.env["JAVA_HOME"];
  const candidates = [
    ...(home === undefined ? [] : [join(home, "bin", "java")]),
    find("java") ?? "",
    ...globSync("/usr/lib/jvm/*/bin/java"),
  ];
  return candidates.find((path) => path !== "" && JAVA_VERSIONS.includes(versionOf(path)));
}

/** `17`; empty when it does not run. */
function versionOf(java: string): string {
  const { stderr } = spawnSync(java, ["-XshowSettings:properties", "-version"], {
    encoding: "utf8",
  });
  return /java\.specification\.version = (\S+)/.exec(stderr ?? "")?.[1] ?? "";
}

/** In one process of modest size, without the waits of a cluster whose other nodes may be starting too. */
function javaOptions(folder: string, libraries: string): readonly string[] {
  const agent = readdirSync(libraries).find((name) => /^jamm-.*\.jar$/.test(name)) ?? "";
  const modules = (option: string, packages: readonly string[]): readonly string[] =>
    packages.flatMap((each) => [`--add-${option}`, `${each}=ALL-UNNAMED`]);
  const settings = {
    "cassandra-foreground": "yes",
    "cassandra.config": pathToFileURL(join(folder, "cassandra.yaml")).href,
    "cassandra.storagedir": folder,
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.ring_delay_ms": "0",
    "cassandra.superuser_setup_delay_ms": "0",
    // Passwords are hashed at every connection; nobody attacks this one.
    "cassandra.auth_bcrypt_gensalt_log2_rounds": "4",
    "logback.configurationFile": join(folder, "logback.xml"),
    "java.io.tmpdir": folder,
    "java.net.preferIPv4Stack": "true",
    "jdk.attach.allowAttachSelf": "true",
    "io.netty.tryReflectionSetAccessible": "true",
  };
  return [
    "-Xms256m",
    "-Xmx512m",
    "-Xss512k",
    "-XX:MaxDirectMemorySize=256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    `-javaagent:${join(libraries, agent)}`,
    ...modules("exports", EXPORTS),
    ...modules("opens", OPENS),
    ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
    "-cp",
    [join(libraries, "*"), folder].join(delimiter),
  ];
}

/** What it needs of the inside of Java, as its own start script says. */
const EXPORTS = [
  "java.base/java.lang.ref",
  "java.base/jdk.internal.misc",
  "java.management.rmi/com.sun.jmx.remote.internal.rmi",
  "java.rmi/sun.rmi.registry",
  "java.rmi/sun.rmi.server",
  "java.sql/java.sql",
  "jdk.unsupported/sun.misc",
];
const OPENS = [
  ...["io", "lang", "lang.module", "lang.reflect", "nio", "util", "util.concurrent"].map(
    (name) => `java.base/java.${name}`,
  ),
  ...["loader", "math", "module", "ref", "reflect", "util.jar"].map(
    (name) => `java.base/jdk.internal.${name}`,
  ),
  "java.base/sun.nio.ch",
  "jdk.management/com.sun.management.internal",
];

/** What is acknowledged is on disk: there is no second node that has it. */
function yaml(folder: string, port: number, storagePort: number): string {
  const at = (name: string): string => JSON.stringify(join(folder, name));
  return `cluster_name: millrace
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "127.0.0.1:${storagePort}" }]
listen_address: 127.0.0.1
storage_port: ${storagePort}
rpc_address: 127.0.0.1
native_transport_port: ${port}
auto_bootstrap: false
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
roles_validity: 0ms
permissions_validity: 0ms
credentials_validity: 0ms
data_file_directories: [${at("data")}]
commitlog_directory: ${at("commitlog")}
hints_directory: ${at("hints")}
saved_caches_directory: ${at("caches")}
commitlog_sync: batch
commitlog_segment_size: 8MiB
commitlog_total_space: 64MiB
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
auto_snapshot: false
`;
}

const LOGBACK = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <logger name="org.apache.cassandra.auth.CassandraRoleManager" level="INFO"/>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
`;

/** Asks as a client may before anything else: OPTIONS (opcode 5) of protocol version 4, without a body. */
function answersOptions(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = Buffer.from("040000000500000000", "hex");
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("data", (data) => {
      // A response of version 4: SUPPORTED (opcode 6).
      resolve(data[0] === 0x84 && data[4] === 6);
      socket.destroy();
    });
  });
}
