/** Speaks with a container engine through its command: `docker` or `podman`, whose commands and options are the same here. */
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { ActivityFailure } from "../../failure.ts";
import { capture } from "../sandbox/captured.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly stdin?: string;
  /** Kept of each output. */
  readonly outputBytes?: number;
  readonly signal?: AbortSignal;
}

export interface ContainerCli {
  readonly program: string;
  /** Whatever the exit code. Rejects with the reason of the signal, the command then being killed. */
  run(words: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The standard output. @throws {ActivityFailure} `runtime`, with what the command said, when it fails */
  ask(words: readonly string[], options?: CliOptions): Promise<string>;
}

const OUTPUT = 1024 * 1024;
/** Of what a failing command said. */
const LONGEST_COMPLAINT = 1_000;

/**
 * @param configured a path or name; empty: the first of `docker` and `podman` on the PATH
 * @throws {ActivityFailure} `runtime` when there is none
 */
export async function containerCli(configured: string): Promise<ContainerCli> {
  const names = configured === "" ? ["docker", "podman"] : [configured];
  for (const name of names) {
    const program = await find(name);
    if (program !== undefined) return cliOf(program);
  }
  const detail = `run: container needs Docker or Podman: there is no ${names.join(" or ")} on this server; the operator names one in MILLRACE_CONTAINER_CLI`;
  throw new ActivityFailure("runtime", detail);
}

async function find(name: string): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  for (const path of candidates) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

function cliOf(program: string): ContainerCli {
  const run: ContainerCli["run"] = (words, options = {}) => execute(program, words, options);
  return {
    program,
    run,
    async ask(words, options) {
      const { code, stdout, stderr } = await run(words, options);
      if (code === 0) return stdout;
      const said = stderr.trim().slice(-LONGEST_COMPLAINT) || `code ${code}`;
      throw new ActivityFailure("runtime", `run: container: ${words[0]} failed: ${said}`);
    },
  };
}

async function execute(
  program: string,
  words: readonly string[],
  { stdin, outputBytes = OUTPUT, signal }: CliOptions,
): Promise<CliResult> {
  signal?.throwIfAborted();
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], env: environment() });
  const [stdout, stderr] = [capture(child.stdout, outputBytes), capture(child.stderr, outputBytes)];
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin ?? "");
  const kill = (): void => {
    child.kill("SIGKILL");
    // What it started may hold them open, and is ended only afterwards.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit) => resolve(exit ?? 137));
    });
    signal?.throwIfAborted();
    return { code, stdout: stdout().text, stderr: stderr().text };
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/** The engine's command is the operator's: it has their settings (DOCKER_HOST, …), but nothing of Millrace's. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("MILLRACE_")),
  );
}
