/** Runs the command as users do: as a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

export const COMMAND = join(import.meta.dirname, "../bin/millrace.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Sends SIGINT when this resolves. */
  readonly interrupt?: Promise<unknown>;
}

/** Runs to the end. */
export async function millrace(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    env: { ...environment(), ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(options.stdin ?? "");
  void options.interrupt?.then(() => child.kill("SIGINT"));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => void (output[name] += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

/** The environment without settings of a Millrace that runs this very test. */
function environment(): NodeJS.ProcessEnv {
  const isOurs = ([name]: [string, unknown]): boolean => name.startsWith("MILLRACE_");
  return Object.fromEntries(Object.entries(process.env).filter((entry) => !isOurs(entry)));
}

export interface Serving {
  readonly process: ChildProcess;
  readonly url: string;
  /** Everything on standard output so far. */
  readonly stdout: () => string;
}

/** Starts `dev` or `server`; resolves when it says `ready`. Killed at the end of the test. */
export async function serve(
  t: TestContext,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    env: { ...environment(), ...env },
    // The channel ends the server when the test's process is killed.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  t.after(() => stop(child));
  let stdout = "";
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
  const ready = Promise.withResolvers<string>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    stdout += `${line}\n`;
    if (line.startsWith("ready ")) ready.resolve(line.slice("ready ".length));
  });
  child.once("close", (code, signal) => {
    ready.reject(new Error(`ended with ${code}: ${stderr}`));
    // A server that ends by itself later is what the failing test needs to show.
    if (signal === null && code !== 0) t.diagnostic(`the server ended with ${code}: ${stderr}`);
  });
  return { process: child, url: await ready.promise, stdout: () => stdout };
}

/** @returns the exit code */
export async function stop(
  child: ChildProcess,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, "exit");
  child.kill(signal);
  const [code] = (await exited) as [number | null];
  return code;
}

/** A folder that goes with the test, open to the user that runs PostgreSQL for root. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "millrace-cli-"));
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Writes a definition whose `do` (and more) is given, and gives its path. */
export function definition(t: TestContext, body: string, name = "flow", version = "1.0.0"): string {
  const file = join(folder(t), `${name}.yaml`);
  const head = `document:\n  dsl: 1.0.3\n  namespace: test\n  name: ${name}\n  version: ${version}\n`;
  writeFileSync(file, head + body);
  return file;
}
