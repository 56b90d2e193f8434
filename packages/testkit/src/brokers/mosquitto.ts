/** Eclipse Mosquitto from its Debian package: MQTT 3.1.1 and 5.0. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../postgres-server.ts";
import {
  type BrokerProcess,
  launch,
  newFolder,
  selfSigned,
  unavailable,
  unprivilegedUser,
} from "./process.ts";

export interface Mosquitto extends BrokerProcess {
  /** Anybody may connect. */
  readonly port: number;
  /** TLS, and the user and password below. */
  readonly tlsPort: number;
  readonly user: string;
  readonly password: string;
  /** PEM of what signed the certificate of `tlsPort` (for localhost and 127.0.0.1). */
  readonly ca: string;
}

export function mosquittoUnavailable(): string | false {
  return unavailable({ mosquitto: "mosquitto", openssl: "openssl" });
}

export async function startMosquitto(): Promise<Mosquitto> {
  const owner = unprivilegedUser();
  const folder = newFolder("mosquitto", owner);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [user, password] = ["millrace", randomBytes(9).toString("hex")];
  const { keyFile, certFile } = selfSigned(folder, owner);
  const passwords = join(folder, "passwords");
  execFileSync("mosquitto_passwd", ["-b", "-c", passwords, user, password], { stdio: "ignore" });
  if (owner !== undefined) chownSync(passwords, owner.uid, owner.gid);
  const file = join(folder, "mosquitto.conf");
  const config = [
    "per_listener_settings true",
    "log_dest stderr",
    "persistence false",
    "message_size_limit 1000000",
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    `listener ${tlsPort} 127.0.0.1`,
    "allow_anonymous false",
    `password_file ${passwords}`,
    `certfile ${certFile}`,
    `keyfile ${keyFile}`,
  ];
  writeFileSync(file, `${config.join("\n")}\n`);
  const broker = await launch({
    command: "mosquitto",
    args: ["-c", file],
    user: owner,
    folder,
    ready: (log) => /mosquitto version \S+ running/.test(log),
  });
  return { ...broker, port, tlsPort, user, password, ca: readFileSync(certFile, "utf8") };
}
