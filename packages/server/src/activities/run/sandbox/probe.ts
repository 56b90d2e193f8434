/** Finds out what a system allows by trying it: kernel settings, capabilities and container runtimes all have a say. */
import { spawn } from "node:child_process";
import { type Isolation, launchOf } from "./launch.ts";
import { SANDBOX_LIMITS } from "./limits.ts";
import { takeUser } from "./users.ts";

const PATIENCE = 10_000;

let found: Promise<Isolation> | undefined;

/** The strongest isolation that works here, found out once in the life of this process. */
export function strongestIsolation(): Promise<Isolation> {
  found ??= find();
  return found;
}

async function find(): Promise<Isolation> {
  if (process.platform !== "linux") return "process";
  const root = process.getuid?.() === 0;
  const candidates: readonly Isolation[] = root
    ? ["namespaces", "user-namespaces"]
    : ["user-namespaces"];
  for (const isolation of candidates) if (await works(isolation)) return isolation;
  return "process";
}

/** Whether `true` runs in such a sandbox. */
async function works(isolation: Isolation): Promise<boolean> {
  const { user, giveBack } = takeUser();
  const limits = SANDBOX_LIMITS;
  const nothing = { network: false, programs: [], fileName: undefined };
  const launch = launchOf({ ...nothing, isolation, limits, user });
  const { program, arguments: argv, environment } = launch;
  const stdio = ["ignore", "ignore", "ignore", "pipe", "ignore"] as const;
  const child = spawn(program, argv, {
    env: environment,
    cwd: "/",
    stdio: [...stdio],
    timeout: PATIENCE,
    killSignal: "SIGKILL",
    ...launch.user,
  });
  const input = child.stdio[3] as NodeJS.WritableStream | null;
  input?.on("error", () => undefined);
  input?.end("set -- true\n");
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("exit", resolve);
  });
  giveBack();
  return code === 0;
}
