/** What the operator lets workflows run, and how. */
import type { Config } from "../../config.ts";
import type { RunKind } from "../../run-settings.ts";
import { ActivityFailure } from "../failure.ts";
import { SANDBOX_LIMITS, type SandboxLimits } from "./sandbox/limits.ts";

export interface RunsConfig {
  /** What is turned on. */
  readonly kinds: readonly RunKind[];
  /** See `SandboxConfig`. */
  readonly isolation: "namespaces" | "process";
  readonly network: boolean;
  /** See `SandboxConfig`. */
  readonly programs: readonly string[];
  /** Longest time of one run, in milliseconds. */
  readonly timeout: number;
  readonly limits: SandboxLimits;
  /** Path or name of the `docker` or `podman` program; empty: the first of them on the PATH. */
  readonly containerCli: string;
  /** Folders and volume names that containers may mount. */
  readonly containerVolumes: readonly string[];
}

/** Nothing is on unless it is said. */
export const DEFAULT_RUNS: RunsConfig = {
  kinds: [],
  isolation: "namespaces",
  network: false,
  programs: [],
  timeout: 600_000,
  limits: SANDBOX_LIMITS,
  containerCli: "",
  containerVolumes: [],
};

/** @throws {ActivityFailure} `authorization`, saying how the operator turns it on */
export function checkTurnedOn({ kinds }: RunsConfig, kind: RunKind): void {
  if (kinds.includes(kind)) return;
  const what = kind === "mcp" ? "call: mcp over stdio" : `run: ${kind}`;
  throw new ActivityFailure(
    "authorization",
    `${what} is turned off on this server; the operator turns it on by naming it in MILLRACE_RUNS (MILLRACE_RUNS=${kind})`,
  );
}

export function runsOf(config: Config): RunsConfig {
  return {
    kinds: config.runs,
    isolation: config.runIsolation,
    network: config.runNetwork,
    programs: config.runPrograms,
    timeout: config.runTimeout,
    containerCli: config.containerCli,
    containerVolumes: config.containerVolumes,
    limits: {
      ...SANDBOX_LIMITS,
      cpuSeconds: config.runCpuSeconds,
      memoryBytes: config.runMemoryBytes,
      diskBytes: config.runDiskBytes,
      processes: config.runProcesses,
      outputBytes: config.runOutputBytes,
    },
  };
}
