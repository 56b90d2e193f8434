/** NATS from its Debian package. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { freePort } from "../postgres-server.ts";
import { type BrokerProcess, launch, newFolder, selfSigned, unavailable } from "./process.ts";

export interface Nats extends BrokerProcess {
  readonly port: number;
}

export interface SecuredNats extends Nats {
  readonly user: string;
  readonly password: string;
  /** PEM of what signed the certificate (for localhost and 127.0.0.1). */
  readonly ca: string;
}

export function natsUnavailable(): string | false {
  return unavailable({ "nats-server": "nats-server", openssl: "openssl" });
}

/** Anybody may connect, without TLS. Payloads are at most 1 MiB, as is its default. */
export async function startNats(): Promise<Nats> {
  return start(newFolder("nats"), []);
}

/** TLS, a user and a password. */
export async function startSecuredNats(): Promise<SecuredNats> {
  const folder = newFolder("nats");
  const [user, password] = ["millrace", randomBytes(9).toString("hex")];
  const { keyFile, certFile } = selfSigned(folder);
  const flags = ["--tls", "--tlscert", certFile, "--tlskey", keyFile];
  const nats = await start(folder, [...flags, "--user", user, "--pass", password]);
  return { ...nats, user, password, ca: readFileSync(certFile, "utf8") };
}

async function start(folder: string, flags: readonly string[]): Promise<Nats> {
  const port = await freePort();
  const broker = await launch({
    command: "nats-server",
    args: ["-a", "127.0.0.1", "-p", String(port), ...flags],
    folder,
    ready: (log) => log.includes("Server is ready"),
  });
  return { ...broker, port };
}
