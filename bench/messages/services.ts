/** What is put under load: ours, and what else answers on the same routes. Each in a process of its own, which ends with ours. */
import { type ChildProcess, execFile, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export interface Running {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Service {
  readonly name: string;
  /** Whether an answered message survives a crash. */
  readonly durable: boolean;
  /** @param databaseUrl an empty database, which only it uses */
  start(databaseUrl: string): Promise<Running>;
}

const SANIC = "25.12.1";
/** Milliseconds that a service may take to come up. */
const PATIENCE = 60_000;

export const OURS: Service = {
  name: "Millrace",
  durable: true,
  start: (databaseUrl) => forked("our-server.ts", [databaseUrl]),
};
/** The ceiling: what the same HTTP server does with a store that costs nothing. */
export const MAP: Service = {
  name: "Fastify + Map",
  durable: false,
  start: () => forked("plain-server.ts", ["map"]),
};
export const STATEMENTS: Service = {
  name: "Fastify + PostgreSQL, a statement per request",
  durable: true,
  start: (databaseUrl) => forked("plain-server.ts", ["postgres", databaseUrl]),
};

/** @throws with one line that says why it cannot run here */
export async function sanic(): Promise<Service> {
  const python = await environment();
  return {
    name: `Sanic ${SANIC} + dict`,
    durable: false,
    async start() {
      const port = await freePort();
      const script = join(import.meta.dirname, "sanic_server.py");
      const child = spawn(python, [script, String(port)], { stdio: "ignore" });
      return running(child, port, answers(port, child));
    },
  };
}

async function forked(module: string, args: readonly string[]): Promise<Running> {
  const child = fork(join(import.meta.dirname, module), args);
  const answer = await Promise.race([once(child, "message"), endOf(child)]);
  return running(child, answer[0] as number, Promise.resolve());
}

async function running(child: ChildProcess, port: number, up: Promise<void>): Promise<Running> {
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  await up;
  return {
    port,
    pid: child.pid ?? 0,
    async stop() {
      const exited = once(child, "exit");
      if (child.connected) child.disconnect();
      else kill();
      await exited;
      process.removeListener("exit", kill);
    },
  };
}

async function endOf(child: ChildProcess): Promise<never> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  throw new Error(`the service ended with ${code ?? signal}`);
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const isUp = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`the service did not come up in ${PATIENCE / 1000} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The Python of an environment with Sanic in it, made once in the user's cache directory. */
async function environment(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "millrace-bench", `sanic-${SANIC}`);
  const python = join(folder, "bin", "python");
  if (existsSync(join(folder, "done"))) return python;
  const run = promisify(execFile);
  try {
    await run("python3", ["--version"]);
  } catch {
    throw new Error("no python3 here");
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await run("python3", ["-m", "venv", folder], { timeout: 120_000 });
    const install = ["-m", "pip", "install", "--quiet", `sanic==${SANIC}`];
    await run(python, install, { timeout: 240_000 });
  } catch {
    throw new Error(
      `python3 could not install sanic ${SANIC} (python3-venv and a network are needed)`,
    );
  }
  mkdirSync(join(folder, "done"));
  return python;
}
