/** One sandboxed process from its start to the removal of what it leaves. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { ActivityFailure } from "../../failure.ts";
import { type Folder, makeFolder } from "./folder.ts";
import { baseEnvironment, type Isolation, type Launch, launchOf } from "./launch.ts";
import type { SandboxLimits } from "./limits.ts";
import { payload } from "./payload.ts";
import type { SandboxedExit, SandboxedProcess, SandboxRequest } from "./sandbox.ts";
import { killAllOf, takeUser } from "./users.ts";

export interface StartConfig {
  readonly isolation: Isolation;
  readonly network: boolean;
  readonly programs: readonly string[];
  readonly limits: SandboxLimits;
}

/** How long outputs may stay open after the command's end: only a process that left its group still holds them then. */
const LEFT_OPEN = 1_000;
/** Of what a launcher says when it fails. */
const LONGEST_COMPLAINT = 500;

/** @throws {ActivityFailure} `configuration` when the request cannot be given to a process */
export async function startProcess(
  request: SandboxRequest,
  config: StartConfig,
  signal: AbortSignal,
): Promise<SandboxedProcess> {
  const { isolation, limits, programs } = config;
  const { user, own, giveBack } = takeUser();
  let folder: Folder | undefined;
  const cleanUp = async (): Promise<void> => {
    // Without a process namespace a daemon outlives the command.
    if (isolation === "process" && own && user !== undefined) await killAllOf(user);
    await folder?.remove();
    giveBack();
  };
  try {
    folder = isolation === "process" ? await makeFolder(user) : undefined;
    const base = baseEnvironment(isolation, folder?.path, programs);
    const environment = { ...base, ...request.environment };
    const program = payload([request.command, ...(request.arguments ?? [])], environment);
    const network = config.network && request.network !== false;
    const fileName = request.file?.name;
    const launch = launchOf({ isolation, limits, network, programs, user, fileName });
    const child = launchChild(launch, folder?.path ?? "/");
    const end = ender(child, limits.grace);
    const stopWatching = folder?.watch(limits.diskBytes, end);
    const ended = untilGone(awaitEnd(child, launch.program, folder), async () => {
      signal.removeEventListener("abort", end);
      stopWatching?.();
      await cleanUp();
    });
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    give(child, 3, program);
    give(child, 4, request.file?.text ?? "");
    return handle(child, ended, end);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function untilGone<T>(end: Promise<T>, cleanUp: () => Promise<void>): Promise<T> {
  try {
    return await end;
  } finally {
    await cleanUp();
  }
}

function handle(
  child: ChildProcess,
  ended: Promise<SandboxedExit>,
  end: () => void,
): SandboxedProcess {
  // Whoever started it may look at the end much later, or never.
  ended.catch(() => undefined);
  const { stdin, stdout, stderr } = child as ChildProcess & SandboxedProcess;
  // What the process does not take of its input is its own affair.
  stdin.on("error", () => undefined);
  const stop = async (): Promise<void> => {
    end();
    await ended.catch(() => undefined);
  };
  return { stdin, stdout, stderr, ended, stop };
}

function launchChild(
  { program, arguments: argv, environment, user }: Launch,
  cwd: string,
): ChildProcess {
  return spawn(program, argv, {
    cwd,
    env: environment,
    // A session and a process group of its own, without a terminal.
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
    ...user,
  });
}

function give(child: ChildProcess, descriptor: 3 | 4, text: string): void {
  const stream = child.stdio[descriptor] as Duplex;
  stream.on("error", () => undefined);
  stream.end(text);
}

/** What ends a process: politely at once, certainly after the grace. */
function ender(child: ChildProcess, grace: number): () => void {
  let asked = false;
  return () => {
    if (asked || child.exitCode !== null || child.signalCode !== null) return;
    asked = true;
    signalGroup(child, "SIGTERM");
    const timer = setTimeout(() => signalGroup(child, "SIGKILL"), grace);
    child.once("exit", () => clearTimeout(timer));
  };
}

function signalGroup({ pid }: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function awaitEnd(
  child: ChildProcess,
  program: string,
  folder: Folder | undefined,
): Promise<SandboxedExit> {
  let ready = "";
  let complaint = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    ready = (ready + chunk.toString("latin1")).slice(0, 16);
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    if (ready === "") complaint = (complaint + chunk.toString("utf8")).slice(0, LONGEST_COMPLAINT);
  });
  const code = await new Promise<number>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(neverStarted(`${program} cannot be run (${error.code ?? error.name})`));
    });
    child.once("exit", () => {
      signalGroup(child, "SIGKILL");
      timer = setTimeout(() => {
        for (const stream of child.stdio) stream?.destroy();
      }, LEFT_OPEN);
    });
    child.once("close", (exitCode, name) => {
      clearTimeout(timer);
      resolve(exitCode ?? 128 + constants.signals[name ?? "SIGKILL"]);
    });
  });
  if (folder?.overflowed === true)
    throw new ActivityFailure(
      "runtime",
      "the process was ended: its working folder outgrew its limit",
    );
  if (ready === "" && child.signalCode === null && code !== 143 && code !== 137)
    throw neverStarted(complaint.trim() || `the launcher ended with code ${code}`);
  return { code };
}

function neverStarted(why: string): ActivityFailure {
  return new ActivityFailure("runtime", `the sandbox could not be set up: ${why}`);
}
