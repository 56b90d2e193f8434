/** From what is to be run to the argument list that runs it, for each degree of isolation that a system allows. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { BUILD, ENTER } from "./launch-scripts.ts";
import { prlimitFlags, type SandboxLimits, ulimits } from "./limits.ts";
import type { User } from "./users.ts";

/**
 * - `namespaces`: namespaces made by root, then an unprivileged user (Linux, server runs as root with CAP_SYS_ADMIN)
 * - `user-namespaces`: the same inside a user namespace (Linux that lets ordinary users make them)
 * - `process`: a process of its own with limits; it shares network and files with the machine
 */
export type Isolation = "namespaces" | "user-namespaces" | "process";

export interface Launch {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Of the launcher. The workflow's variables never reach it: some (LD_PRELOAD) would change what it does. */
  readonly environment: Readonly<Record<string, string>>;
  /** Become this user before anything runs. */
  readonly user?: User;
}

export interface LaunchRequest {
  readonly isolation: Isolation;
  readonly limits: SandboxLimits;
  readonly network: boolean;
  /** Absolute paths of folders to show beside the system's. */
  readonly programs: readonly string[];
  readonly user: User | undefined;
  /** Name in the working folder of the file that comes over descriptor 4. */
  readonly fileName: string | undefined;
}

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function launchOf(request: LaunchRequest): Launch {
  const enter = ["-c", ENTER, "sh", request.fileName ?? ""];
  const environment = { PATH: SYSTEM_PATH, LANG: "C.UTF-8" };
  switch (request.isolation) {
    case "namespaces":
      return { ...command([...unshare(request), ...build(request, enter)]), environment };
    case "user-namespaces": {
      const inside = ["unshare", "--user", "--map-root-user", "--", ...unshare(request)];
      const root = { ...request, user: { uid: 0, gid: 0 } };
      const { user } = request;
      return {
        ...command([...inside, ...build(root, enter)]),
        environment,
        ...(user === undefined ? {} : { user }),
      };
    }
    case "process": {
      const { user, limits } = request;
      // The limit counts all that the user has: without one of its own, what is there already is not the sandbox's.
      const processes = limits.processes + (user === undefined ? tasksOfUser() : 0);
      const flags = prlimitFlags({ ...limits, processes });
      const start =
        process.platform === "linux"
          ? [
              "prlimit",
              ...flags,
              "--",
              "setpriv",
              "--no-new-privs",
              "--pdeathsig",
              "KILL",
              "--",
              "/bin/sh",
              ...enter,
            ]
          : ["/bin/sh", "-c", ulimits(request.limits), "sh", ...enter];
      return { ...command(start), environment, ...(user === undefined ? {} : { user }) };
    }
  }
}

/** The variables that every process has, and the workflow's over them. */
export function baseEnvironment(
  isolation: Isolation,
  folder: string | undefined,
  programs: readonly string[],
): Record<string, string> {
  const pathOf = (...folders: readonly string[]) => [...programs, ...folders].join(":");
  if (isolation !== "process")
    return { PATH: pathOf("/opt/millrace", SYSTEM_PATH), HOME: "/work", LANG: "C.UTF-8" };
  const path = process.env["PATH"] ?? SYSTEM_PATH;
  return { PATH: pathOf(dirname(process.execPath), path), HOME: folder ?? "/", LANG: "C.UTF-8" };
}

/** With its server gone a sandbox ends at once: the server's end kills unshare, whose end kills process 1. */
function unshare({ network }: LaunchRequest): readonly string[] {
  const kinds = ["--mount", "--pid", "--ipc", "--uts", ...(network ? [] : ["--net"])];
  return [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "--",
    "unshare",
    ...kinds,
    "--fork",
    "--kill-child",
    "--",
  ];
}

function build(
  { limits, network, programs, user, isolation }: LaunchRequest,
  enter: readonly string[],
): readonly string[] {
  const { uid, gid } = user ?? { uid: 0, gid: 0 };
  // Whoever made a user namespace of their own may not drop groups in it: they could lose what a group denies them.
  const groups = isolation === "namespaces" ? "--clear-groups" : "--keep-groups";
  const node = realpathSync(process.execPath);
  const fixed = [
    mountPoint([node, ...programs]),
    limits.diskBytes,
    uid,
    gid,
    groups,
    node,
    network ? "network" : "",
    programs.join(":"),
  ];
  return [
    "/bin/sh",
    "-c",
    BUILD,
    "sh",
    ...fixed.map(String),
    ...prlimitFlags(limits),
    "--",
    ...enter,
  ];
}

/** Any folder that hides nothing that is needed when the new root is mounted on it. */
function mountPoint(needed: readonly string[]): string {
  const found = ["/mnt", "/media", "/srv", "/tmp"].find(
    (folder) => existsSync(folder) && !needed.some((path) => `${path}/`.startsWith(`${folder}/`)),
  );
  if (found === undefined) throw new Error("there is no folder to build a sandbox on");
  return found;
}

function command([program, ...rest]: readonly string[]): Pick<Launch, "program" | "arguments"> {
  if (program === undefined) throw new Error("a launch needs a program");
  return { program, arguments: rest };
}

/** Processes and threads of the user that this process runs as. */
function tasksOfUser(): number {
  const uid = process.getuid?.();
  return listOf("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === uid)
    .reduce((sum, name) => sum + listOf(`/proc/${name}/task`).length, 0);
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
