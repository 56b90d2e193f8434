/**
 * Runs programs that workflows bring along, kept away from the server and the machine.
 *
 * A process lives so: *launching* (its root is built, limits taken, privileges dropped) → *running* (it said `ready` on
 * descriptor 3 and became the command) → *ended*. An abort of its signal sends SIGTERM to its process group and, after
 * the grace, SIGKILL; when the command has ended, whatever it left behind is killed at once, and its folder removed.
 */
import type { Readable, Writable } from "node:stream";
import { ActivityFailure } from "../../failure.ts";
import { capture } from "./captured.ts";
import type { Isolation } from "./launch.ts";
import { SANDBOX_LIMITS, type SandboxLimits } from "./limits.ts";
import { strongestIsolation } from "./probe.ts";
import { startProcess } from "./process.ts";

export interface SandboxConfig {
  /** `namespaces` refuses to run anything where the system allows no namespaces; `process` makes do with what there is. */
  readonly isolation: "namespaces" | "process";
  /** Processes that ask for it share the network of the server, its loopback included. */
  readonly network: boolean;
  /** Absolute paths of folders that processes see read-only, at the same place, and have first on their PATH. */
  readonly programs: readonly string[];
  readonly limits: SandboxLimits;
}

export interface SandboxRequest {
  /** Looked up in the sandbox's PATH. `node` is the Node.js that runs Millrace. */
  readonly command: string;
  readonly arguments?: readonly string[];
  /** Beside PATH, HOME and LANG, and over them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A file to put into the working folder before the command starts. */
  readonly file?: { readonly name: string; readonly text: string };
  readonly limits?: Partial<SandboxLimits>;
  /** Ask for the network: it is given if the operator allows it. As the operator says unless given. */
  readonly network?: boolean;
}

export interface SandboxedExit {
  /** As a shell has it: 128 + n after signal n. */
  readonly code: number;
}

/** A running process. Whoever holds it reads both outputs; nothing waits for what is not read. */
export interface SandboxedProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** When all of it is gone. Rejects with an {@link ActivityFailure} when the command never started. */
  readonly ended: Promise<SandboxedExit>;
  /** SIGTERM, then SIGKILL. Resolves when all of it is gone. */
  stop(): Promise<void>;
}

export interface SandboxResult extends SandboxedExit {
  readonly stdout: string;
  readonly stderr: string;
  /** Something of stdout or stderr was cut. */
  readonly truncated: boolean;
}

export interface Sandbox {
  /** What the system allows, found out once. @throws {ActivityFailure} when that is less than the operator demands */
  isolation(): Promise<Isolation>;
  /**
   * Starts a process for as long as `signal` does not abort.
   * @throws {ActivityFailure} `configuration` for arguments that no process can be given, `authorization` when the
   *   system cannot isolate it, the reason of `signal` when that has aborted
   */
  spawnSandboxed(request: SandboxRequest, signal: AbortSignal): Promise<SandboxedProcess>;
  /** Runs a process to its end, its outputs bounded. Rejects with the reason of `signal` when that aborts. */
  runSandboxed(
    request: SandboxRequest & { readonly stdin?: string },
    signal: AbortSignal,
  ): Promise<SandboxResult>;
}

const DEFAULTS: SandboxConfig = {
  isolation: "namespaces",
  network: false,
  programs: [],
  limits: SANDBOX_LIMITS,
};

/** @param find what the system allows, unless it is to be tried out */
export function createSandbox(
  given: Partial<SandboxConfig> = {},
  find: () => Promise<Isolation> = strongestIsolation,
): Sandbox {
  const config = { ...DEFAULTS, ...given };
  const isolation = async (): Promise<Isolation> => {
    const found = await find();
    if (found === "process" && config.isolation === "namespaces") throw tooWeak();
    return found;
  };
  const spawnSandboxed: Sandbox["spawnSandboxed"] = async (request, signal) => {
    const found = await isolation();
    signal.throwIfAborted();
    const limits = { ...config.limits, ...request.limits };
    return startProcess(request, { ...config, isolation: found, limits }, signal);
  };
  return {
    isolation,
    spawnSandboxed,
    async runSandboxed(request, signal) {
      const limits = { ...config.limits, ...request.limits };
      const child = await spawnSandboxed(request, signal);
      const stdout = capture(child.stdout, limits.outputBytes);
      const stderr = capture(child.stderr, limits.outputBytes);
      child.stdin.end(request.stdin ?? "");
      const { code } = await child.ended;
      signal.throwIfAborted();
      const [out, err] = [stdout(), stderr()];
      const truncated = out.dropped + err.dropped > 0;
      return { code, stdout: out.text, stderr: err.text, truncated };
    },
  };
}

function tooWeak(): ActivityFailure {
  return new ActivityFailure(
    "authorization",
    "this system lets Millrace make no Linux namespaces, so the process could not be kept away from the machine; the operator can accept that with MILLRACE_RUN_ISOLATION=process",
  );
}
