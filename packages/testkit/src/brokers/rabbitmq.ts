/** RabbitMQ from its Debian package, as an unprivileged process with a node name, data and ports of its own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../postgres-server.ts";
import {
  type BrokerProcess,
  find,
  launch,
  newFolder,
  selfSigned,
  unavailable,
  unprivilegedUser,
} from "./process.ts";

export interface RabbitMq {
  /** AMQP 0-9-1; user and password are `guest`. */
  readonly port: number;
  /** AMQP over TLS. */
  readonly tlsPort: number;
  /** PEM of what signed the certificate of `tlsPort` (for localhost and 127.0.0.1). */
  readonly ca: string;
  readonly user: string;
  readonly password: string;
  log(): string;
  /** SIGKILLs it. */
  kill(): Promise<void>;
  /** Starts again after {@link kill} with the same port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Debian's command of that name is a wrapper that wants root. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

export function rabbitMqUnavailable(): string | false {
  return unavailable({ "rabbitmq-server": "rabbitmq-server" });
}

export async function startRabbitMq(): Promise<RabbitMq> {
  const user = unprivilegedUser();
  const [port = 0, tlsPort = 0, nodePort = 0, epmdPort = 0] = await Promise.all(
    Array.from({ length: 4 }, freePort),
  );
  const epmd = {
    PATH: process.env.PATH,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
  };
  // RabbitMQ would start one that outlives it and belongs to nobody.
  const names = await launch({
    command: find("epmd") ?? "epmd",
    args: ["-debug"],
    env: epmd,
    user,
    folder: newFolder("epmd", user),
    ready: (log) => log.includes("epmd running"),
  });
  const folder = newFolder("rabbitmq", user);
  const { keyFile, certFile } = selfSigned(folder, user);
  const config = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
    `ssl_options.certfile = ${certFile}`,
    `ssl_options.keyfile = ${keyFile}`,
    "ssl_options.verify = verify_none",
    "log.console = true",
    "log.console.level = warning",
    "log.file = false",
    // What a small machine has is no concern of a test.
    "disk_free_limit.absolute = 1MB",
    "vm_memory_high_watermark.absolute = 512MB",
  ];
  const file = (name: string): string => join(folder, name);
  writeFileSync(file("rabbitmq.conf"), `${config.join("\n")}\n`);
  writeFileSync(file("enabled_plugins"), "[].\n");
  writeFileSync(file("env.conf"), "");
  const env = {
    ...epmd,
    LANG: "C.UTF-8",
    HOME: folder,
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_MNESIA_BASE: file("mnesia"),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: file("rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: file("env.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: file("enabled_plugins"),
    RABBITMQ_PID_FILE: file("pid"),
    RABBITMQ_DIST_PORT: String(nodePort),
  };
  const start = (): Promise<BrokerProcess> =>
    launch({
      command: SERVER,
      args: [],
      env,
      user,
      folder,
      ready: (log) => log.includes("completed with"),
    });
  let broker: BrokerProcess;
  try {
    broker = await start();
  } catch (error) {
    await names.stop();
    throw error;
  }
  return {
    port,
    tlsPort,
    ca: readFileSync(certFile, "utf8"),
    user: "guest",
    password: "guest",
    log: () => broker.log(),
    kill: () => broker.kill(),
    restart: async () => {
      broker = await start();
    },
    stop: async () => {
      await broker.stop();
      await names.stop();
    },
  };
}
