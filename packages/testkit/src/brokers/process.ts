/**
 * A broker's processes: started in a group of their own, ended with everything that they started, and gone when the process of
 * the test is gone, however that ends (a guard outside of it waits for the end of a pipe).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type User, unprivilegedUser } from "../postgres-server.ts";

export interface Launch {
  /** An absolute path, or a name to look for. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: User | undefined;
  /** Goes with the processes. */
  readonly folder: string;
  /** Asked again and again until it says yes. `log` is what the process has said. */
  readonly ready: (log: string) => boolean | Promise<boolean>;
  /** Milliseconds; 60 s unless given. */
  readonly patience?: number;
}

export interface BrokerProcess {
  /** What it has said, the last 20,000 characters. */
  log(): string;
  /** SIGKILLs the whole group; the folder stays. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** As {@link kill}, and removes the folder. */
  stop(): Promise<void>;
}

/**
 * What a test that needs these commands gives as its `skip`: false, or the reason. Where CI is set nothing is skipped: the start
 * of what is absent fails the test.
 * @param packages command → what installs it
 */
export function unavailable(packages: Readonly<Record<string, string>>): string | false {
  if (process.env.CI !== undefined) return false;
  const absent = Object.keys(packages).filter((command) => find(command) === undefined);
  if (absent.length === 0) return false;
  const how = absent.map((command) => packages[command]).join(" ");
  return `needs ${absent.join(" and ")}: apt-get install ${how}`;
}

/** Debian keeps servers where the path of an ordinary user does not go. */
export function find(command: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders
    .map((folder) => join(folder, command))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** An empty folder that `user` owns. */
export function newFolder(broker: string, user?: User): string {
  const folder = mkdtempSync(join(tmpdir(), `millrace-test-${broker}-`));
  chmodSync(folder, 0o755);
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

export { unprivilegedUser };

/** @throws when the command is absent, ends early, or is not ready in time; nothing is left then */
export async function launch(options: Launch): Promise<BrokerProcess> {
  const { folder } = options;
  try {
    return await start(options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start({ command, args, env, user, folder, ready, patience = 60_000 }: Launch) {
  const path = find(command) ?? command;
  const child = spawn(path, args, {
    ...user,
    env: env ?? process.env,
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = new Error(`${command} did not start: ${error.message}`);
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000);
    });
  }
  const guard = guarded(child, folder);
  const kill = async (): Promise<void> => {
    await killGroup(child);
    guard?.kill("SIGKILL");
  };
  const end = performance.now() + patience;
  for (;;) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${command} ended with ${child.exitCode ?? child.signalCode}: ${log}`);
    if (await ready(log)) break;
    if (performance.now() > end) {
      await kill();
      throw new Error(`${command} was not ready after ${patience} ms: ${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  release(child);
  return {
    log: () => log,
    kill,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  } satisfies BrokerProcess;
}

/** From now on the child does not keep this process alive. */
function release(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as { unref?: () => void } | null)?.unref?.();
}

/** Kills the group and removes the folder when this process has gone. */
function guarded(child: ChildProcess, folder: string): ChildProcess | undefined {
  if (child.pid === undefined) return undefined;
  // No look whether they are gone: whom nobody reaps is there for ever.
  const script = 'cat >/dev/null; kill -9 "-$1"; sleep 0.5; rm -rf -- "$2"';
  const guard = spawn("/bin/sh", ["-c", script, "sh", String(child.pid), folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  release(guard);
  return guard;
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  const gone = child.exitCode !== null || child.signalCode !== null;
  const exited = new Promise<void>((resolve) => {
    if (gone) resolve();
    else child.once("exit", () => resolve());
  });
  child.ref();
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group has gone already.
  }
  await exited;
}

/** A certificate of its own issuer for localhost and 127.0.0.1, as PEM. */
export function selfSigned(
  folder: string,
  owner?: User,
): {
  readonly keyFile: string;
  readonly certFile: string;
} {
  const keyFile = join(folder, "key.pem");
  const certFile = join(folder, "cert.pem");
  const options = [
    "-nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=localhost",
    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1",
  ].join(" ");
  const files = ["-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", ["req", "-x509", ...options.split(" "), ...files], { stdio: "ignore" });
  if (owner !== undefined)
    for (const file of [keyFile, certFile]) chownSync(file, owner.uid, owner.gid);
  return { keyFile, certFile };
}
