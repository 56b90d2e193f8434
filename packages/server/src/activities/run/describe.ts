/** What an operator is told at the start about what workflows may run. */
import { type RunsConfig } from "./config.ts";
import { createSandbox } from "./sandbox/sandbox.ts";
import type { Isolation } from "./sandbox/launch.ts";

const NAMES = {
  shell: "shell commands",
  script: "scripts",
  container: "containers",
  mcp: "MCP servers",
} as const;

/**
 * One line; undefined when nothing is turned on.
 * @example workflows may run shell commands and scripts: in Linux namespaces, without network
 */
export async function describeRuns(config: RunsConfig): Promise<string | undefined> {
  const kinds = config.kinds.map((kind) => NAMES[kind]);
  if (kinds.length === 0) return undefined;
  const last = kinds.pop() ?? "";
  const what = kinds.length === 0 ? last : `${kinds.join(", ")} and ${last}`;
  const sandboxed = config.kinds.some((kind) => kind !== "container");
  return `workflows may run ${what}${sandboxed ? `: ${await how(config)}` : ""}`;
}

async function how(config: RunsConfig): Promise<string> {
  const network = config.network ? "with the network of this machine" : "without network";
  try {
    return manner(await createSandbox(config).isolation(), network);
  } catch {
    return "but this system allows no Linux namespaces, so they are refused unless MILLRACE_RUN_ISOLATION=process accepts that";
  }
}

function manner(isolation: Isolation, network: string): string {
  switch (isolation) {
    case "namespaces":
      return `in Linux namespaces, as an unprivileged user, ${network}`;
    case "user-namespaces":
      return `in Linux user namespaces, ${network}`;
    case "process":
      return process.getuid?.() === 0
        ? "as processes of an unprivileged user that share the network of this machine"
        : "as processes of this user, which can read the user's files and share the network";
  }
}
