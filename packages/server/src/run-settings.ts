/** The settings of `run: shell`, `run: script` and `run: container`: part of the table in config.ts. */
import {
  among,
  anyText,
  flag,
  folders,
  integer,
  list,
  milliseconds,
  oneOf,
  setting,
} from "./settings.ts";

/** What an operator turns on by name. */
export const RUN_KINDS = ["shell", "script", "container", "mcp"] as const;
export type RunKind = (typeof RUN_KINDS)[number];

export const RUN_SETTINGS = {
  runs: setting(
    "MILLRACE_RUNS",
    "",
    "What workflows may run beside calls, separated by commas: `shell`, `script`, `container`, and `mcp` (servers that `call: mcp` starts itself). `shell,script,mcp` in `millrace dev` and `millrace run`. See [runs.md](runs.md).",
    among(RUN_KINDS),
  ),
  runIsolation: setting(
    "MILLRACE_RUN_ISOLATION",
    "namespaces",
    "`namespaces`: shell commands and scripts run in Linux namespaces of their own, or not at all. `process`: where the system allows no namespaces, as a mere process with limits. `process` in `millrace dev` and `millrace run`.",
    oneOf(["namespaces", "process"] as const),
  ),
  runNetwork: setting(
    "MILLRACE_RUN_NETWORK",
    "false",
    "Shell commands, scripts and containers have a network: the server's own (its loopback and metadata addresses too) for the first two, the container engine's default for containers.",
    flag,
  ),
  runPrograms: setting(
    "MILLRACE_RUN_PROGRAMS",
    "",
    "Absolute paths of folders, separated by commas, that shell commands, scripts and MCP servers see read-only beside the system's own programs. They come first on the PATH.",
    folders,
  ),
  runTimeout: setting(
    "MILLRACE_RUN_TIMEOUT",
    "10m",
    "Longest time that one of them runs. A task's own timeout may be shorter.",
    milliseconds,
  ),
  runCpuSeconds: setting(
    "MILLRACE_RUN_CPU_SECONDS",
    "60",
    "CPU time of each process of a shell command or script.",
    integer(1, 86_400),
  ),
  runMemoryBytes: setting(
    "MILLRACE_RUN_MEMORY_BYTES",
    "1073741824",
    "Private memory of each process of a shell command or script, and the memory of a container. JavaScript reserves 640 MiB before it starts.",
    integer(16_777_216, 1_099_511_627_776),
  ),
  runDiskBytes: setting(
    "MILLRACE_RUN_DISK_BYTES",
    "67108864",
    "What a shell command or script may write to its folders.",
    integer(1_048_576, 1_099_511_627_776),
  ),
  runProcesses: setting(
    "MILLRACE_RUN_PROCESSES",
    "128",
    "Processes and threads at a time of a shell command, script or container.",
    integer(16, 65_536),
  ),
  runOutputBytes: setting(
    "MILLRACE_RUN_OUTPUT_BYTES",
    "1048576",
    "Kept of standard output, and of standard error. What is longer is cut, with a line that says so.",
    integer(1_024, 10_485_760),
  ),
  containerCli: setting(
    "MILLRACE_CONTAINER_CLI",
    "",
    "The `docker` or `podman` program that runs containers. Without: the first of `docker`, `podman` on the PATH.",
    anyText,
  ),
  containerVolumes: setting(
    "MILLRACE_CONTAINER_VOLUMES",
    "",
    "Folders of the machine (with all below them) and names of volumes that containers may mount, separated by commas.",
    list,
  ),
} as const;
