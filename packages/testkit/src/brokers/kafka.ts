/**
 * One node of Apache Kafka in KRaft mode, broker and controller in one process, from its Maven artefacts. They are fetched once
 * into the user's cache directory (44 MB).
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "../postgres-server.ts";
import { mavenLibraries } from "./maven.ts";
import { type BrokerProcess, launch, newFolder, selfSigned, unavailable } from "./process.ts";

const VERSION = "4.1.1";
const JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export interface Kafka extends BrokerProcess {
  /** Without TLS or authentication. */
  readonly port: number;
  /** SASL PLAIN and SCRAM-SHA-256, SCRAM-SHA-512; user and password below. */
  readonly saslPort: number;
  readonly tlsPort: number;
  /** Whoever starts here is told that the broker is at the metadata address of clouds, 169.254.169.254:9092. */
  readonly misleadingPort: number;
  readonly user: string;
  readonly password: string;
  /** PEM of what signed the certificate of `tlsPort` (for localhost and 127.0.0.1). */
  readonly ca: string;
}

export function kafkaUnavailable(): string | false {
  return unavailable({ java: "default-jre-headless", mvn: "maven", openssl: "openssl" });
}

/** Topics are not made by use: whoever tests makes them. */
export async function startKafka(): Promise<Kafka> {
  const libraries = mavenLibraries(`kafka-${VERSION}`, [
    ["org.apache.kafka", "kafka_2.13", VERSION],
    ["org.slf4j", "slf4j-simple", "1.7.36"],
  ]);
  const classpath = join(libraries, "*");
  const folder = newFolder("kafka");
  const [port, saslPort, tlsPort, misleadingPort, controllerPort] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  );
  const [user, password] = ["millrace", randomBytes(9).toString("hex")];
  const { keyFile, certFile } = selfSigned(folder);
  const ca = readFileSync(certFile, "utf8");
  const store = join(folder, "keystore.pem");
  writeFileSync(store, readFileSync(keyFile, "utf8") + ca);
  const ports = {
    port: port ?? 0,
    saslPort: saslPort ?? 0,
    tlsPort: tlsPort ?? 0,
    misleadingPort: misleadingPort ?? 0,
  };
  const settings = {
    ...listeners(ports, controllerPort ?? 0),
    ...security(user, password, store),
    ...smallness(join(folder, "data")),
  };
  const file = join(folder, "server.properties");
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${user},password=${password}]`,
  ]);
  const id = randomBytes(16).toString("base64url");
  const format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", file, ...scram];
  execFileSync("java", [...JAVA, "-cp", classpath, ...format], { stdio: "ignore" });
  const broker = await launch({
    command: "java",
    args: [...JAVA, "-cp", classpath, "kafka.Kafka", file],
    folder,
    ready: () => answersApiVersions(ports.port),
  });
  return { ...broker, ...ports, user, password, ca };
}

function listeners(
  ports: Pick<Kafka, "port" | "saslPort" | "tlsPort" | "misleadingPort">,
  controller: number,
) {
  const at = (name: string, port: number): string => `${name}://127.0.0.1:${port}`;
  const own = [at("PLAIN", ports.port), at("SASL", ports.saslPort), at("TLS", ports.tlsPort)];
  return {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAIN",
    listeners: [
      ...own,
      at("MISLEADING", ports.misleadingPort),
      at("CONTROLLER", controller),
    ].join(),
    "advertised.listeners": [...own, "MISLEADING://169.254.169.254:9092"].join(),
    "listener.security.protocol.map":
      "PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,MISLEADING:PLAINTEXT,CONTROLLER:PLAINTEXT",
  };
}

function security(user: string, password: string, store: string) {
  const login = "org.apache.kafka.common.security";
  const scram = `${login}.scram.ScramLoginModule required;`;
  return {
    "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.sasl.plain.sasl.jaas.config": `${login}.plain.PlainLoginModule required user_${user}="${password}";`,
    "listener.name.sasl.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
    "listener.name.tls.ssl.keystore.type": "PEM",
    "listener.name.tls.ssl.keystore.location": store,
  };
}

/** One partition and one copy of everything, and a group that does not wait for more members. */
function smallness(data: string) {
  return {
    "log.dirs": data,
    "num.partitions": 1,
    "auto.create.topics.enable": false,
    "offsets.topic.num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "log.cleaner.enable": false,
  };
}

/** Asks as a client does first: ApiVersions (key 18) version 0 with correlation id 1 and no client id. */
function answersApiVersions(port: number): Promise<boolean> {
  const request = Buffer.from("0000000a0012000000000001ffff", "hex");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("data", (data) => {
      // Size, correlation id, error code.
      resolve(data.readInt32BE(4) === 1 && data.readInt16BE(8) === 0);
      socket.destroy();
    });
  });
}
