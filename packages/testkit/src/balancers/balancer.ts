/** HAProxy and nginx from their Debian packages, with the very files of deploy/: only addresses and folders are others. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerProcess, launch, newFolder, unavailable } from "../brokers/process.ts";
import { freePort } from "../postgres-server.ts";

const DEPLOY = join(import.meta.dirname, "../../../../deploy");

export interface Balancer extends BrokerProcess {
  readonly url: string;
}

/** Ports of the nodes on loopback. */
export type NodePorts = readonly [number, number];

export const haproxyUnavailable = (): string | false => unavailable({ haproxy: "haproxy" });
export const nginxUnavailable = (): string | false => unavailable({ nginx: "nginx-light" });

/** Resolves when a node answers through it. */
export async function startHaproxy(nodes: NodePorts): Promise<Balancer> {
  const folder = newFolder("haproxy");
  const port = await freePort();
  const file = edited("haproxy.cfg", folder, {
    ":8080": `127.0.0.1:${port}`,
    ...addresses(nodes),
  });
  return start("haproxy", ["-db", "-f", file], folder, port);
}

/** The same. */
export async function startNginx(nodes: NodePorts): Promise<Balancer> {
  const folder = newFolder("nginx");
  const port = await freePort();
  // The package's folders belong to the package's service.
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const file = edited("nginx.conf", folder, {
    "listen 8080;": `listen 127.0.0.1:${port};`,
    "http {": `http { ${temporary.join(" ")}`,
    "/run/millrace-nginx.pid": join(folder, "pid"),
    "/var/log/nginx/millrace.log": join(folder, "access.log"),
    "proxy_cache_path /run/millrace-cache": `proxy_cache_path ${join(folder, "cache")}`,
    ...addresses(nodes),
  });
  return start("nginx", ["-p", folder, "-c", file, "-g", "daemon off;"], folder, port);
}

function addresses([first, second]: NodePorts): Readonly<Record<string, string>> {
  return {
    "10.0.0.11:7070": `127.0.0.1:${first}`,
    "10.0.0.12:7070": `127.0.0.1:${second}`,
  };
}

/** @throws when a text stands in the file otherwise than once; the nodes stand there for messages and for workflows */
function edited(name: string, folder: string, changes: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(DEPLOY, name), "utf8");
  for (const [from, to] of Object.entries(changes)) {
    const times = text.split(from).length - 1;
    if (times !== (from.startsWith("10.0.0.") ? 2 : 1))
      throw new Error(`deploy/${name} has "${from}" ${times} times`);
    text = text.replaceAll(from, to);
  }
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function start(
  command: string,
  args: readonly string[],
  folder: string,
  port: number,
): Promise<Balancer> {
  const url = `http://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> =>
    (await fetch(`${url}/readyz/messages`).catch(() => undefined))?.status === 200;
  const process = await launch({ command, args, folder, ready: isReady });
  return { ...process, url };
}
