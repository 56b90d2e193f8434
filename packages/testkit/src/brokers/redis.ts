/** Redis from its Debian package, in memory only. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { freePort } from "../postgres-server.ts";
import { type BrokerProcess, launch, newFolder, selfSigned, unavailable } from "./process.ts";

export interface Redis extends BrokerProcess {
  readonly port: number;
  readonly tlsPort: number;
  /** Of the default user, on both ports. */
  readonly password: string;
  /** PEM of what signed the certificate of `tlsPort` (for localhost and 127.0.0.1). */
  readonly ca: string;
}

export function redisUnavailable(): string | false {
  return unavailable({ "redis-server": "redis-server", openssl: "openssl" });
}

export async function startRedis(): Promise<Redis> {
  const folder = newFolder("redis");
  const [port, tlsPort] = [await freePort(), await freePort()];
  const password = randomBytes(9).toString("hex");
  const { keyFile, certFile } = selfSigned(folder);
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    "tls-port": String(tlsPort),
    "tls-cert-file": certFile,
    "tls-key-file": keyFile,
    "tls-auth-clients": "no",
    requirepass: password,
    save: "",
    appendonly: "no",
  };
  const broker = await launch({
    command: "redis-server",
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    folder,
    ready: (log) => log.includes("Ready to accept connections"),
  });
  return { ...broker, port, tlsPort, password, ca: readFileSync(certFile, "utf8") };
}
