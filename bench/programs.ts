/** What is measured: ours, and the peers with the versions that `bench/peers` pins. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Program } from "./contenders.ts";

export const OURS: Program = { name: "Millrace", module: "ours/run.ts" };
export const OURS_OVER_HTTP: Program = { name: "Millrace over HTTP", module: "ours/http.ts" };

const folder = join(import.meta.dirname, "peers");
const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

function peer(name: string, module: string, version: string, variant?: string): Program {
  const title = name.replace("#", dependencies[version] ?? "");
  return { name: title, module: `peers/${module}`, ...(variant === undefined ? {} : { variant }) };
}

const restate = "@restatedev/restate-server";
export const DBOS = peer("DBOS Transact #", "dbos.mjs", "@dbos-inc/dbos-sdk");
export const RESTATE = peer("Restate # (24 partitions)", "restate.mjs", restate);
export const RESTATE_4 = peer("Restate # (4 partitions)", "restate.mjs", restate, "4");
export const GRAPHILE = peer("Graphile Worker #", "graphile-worker.mjs", "graphile-worker");
export const GRAPHILE_DRAIN = peer(
  "Graphile Worker # (queue laid up)",
  "graphile-worker.mjs",
  "graphile-worker",
  "drain",
);
export const PG_BOSS = peer("pg-boss #", "pg-boss.mjs", "pg-boss");
export const PG_BOSS_DRAIN = peer("pg-boss # (queue laid up)", "pg-boss.mjs", "pg-boss", "drain");

/** Installs the peers when their lock file is newer than what is installed. Gives the reason when that fails. */
export async function installPeers(): Promise<string | undefined> {
  const done = join(folder, "node_modules", ".package-lock.json");
  const lock = join(folder, "package-lock.json");
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return undefined;
  // What `npm run` says of this project would mislead the inner npm.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")),
  );
  const options = { cwd: folder, env, timeout: 180_000, shell: process.platform === "win32" };
  try {
    await promisify(execFile)(
      "npm",
      ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
      options,
    );
    return undefined;
  } catch (error) {
    const code = /npm error code (\w+)/.exec(
      (error as { readonly stderr?: string }).stderr ?? "",
    )?.[1];
    return `npm ci in bench/peers failed${code === undefined ? "" : ` (${code})`}`;
  }
}
