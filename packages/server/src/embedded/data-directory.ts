/** Makes PostgreSQL's data directory at the first start. */
import { execFile } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Binaries } from "./binaries.ts";
import { type Places, SHARED_FOLDER } from "./places.ts";
import { closedFolder, type User } from "./user.ts";

const run = promisify(execFile);

/** Name of the superuser, and the one user of the embedded server. */
export const SUPERUSER = "millrace";

/**
 * What PostgreSQL's programs get to see: nothing of the caller's secrets, and a time zone, for which initdb would
 * otherwise search.
 */
export const ENVIRONMENT: NodeJS.ProcessEnv = Object.freeze({
  PATH: process.env["PATH"] ?? "",
  ...(process.platform === "win32" ? { SystemRoot: process.env["SystemRoot"] ?? "" } : {}),
  LC_ALL: "C",
  TZ: "UTC",
});

/**
 * Does nothing when the data are there. They are made and flushed under another name first, so a start that is cut
 * off leaves nothing behind that looks whole.
 */
export async function ensureDataDirectory(
  place: Places,
  binaries: Binaries,
  user: User | undefined,
): Promise<void> {
  if (place.data.startsWith(SHARED_FOLDER))
    mkdirSync(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  refuseClosedFolder(place, user);
  if (existsSync(join(place.data, "PG_VERSION"))) return;
  if (existsSync(place.data)) {
    throw new Error(
      `${place.data} holds no PostgreSQL data: move it away, or give another --data-dir`,
    );
  }
  const fresh = `${place.data}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  if (user !== undefined) chownSync(fresh, user.uid, user.gid);
  await initialise(fresh, place.password, binaries, user);
  renameSync(fresh, place.data);
}

/** The user of the server must be able to enter the folder above the data. */
function refuseClosedFolder({ data, folder }: Places, user: User | undefined): void {
  const closed = user === undefined ? undefined : closedFolder(dirname(data));
  if (closed === undefined) return;
  throw new Error(
    `PostgreSQL does not run as root, and the user that runs it instead may not enter ${closed}: open it (chmod o+x ${closed}), or give another --data-dir than ${folder}`,
  );
}

async function initialise(
  data: string,
  password: string,
  { initdb }: Binaries,
  user: User | undefined,
): Promise<void> {
  const secret = mkdtempSync(join(dirname(data), "initdb-"));
  const pwfile = join(secret, "password");
  writeFileSync(pwfile, password, { mode: 0o600 });
  for (const path of user === undefined ? [] : [secret, pwfile]) {
    chownSync(path, user?.uid ?? -1, user?.gid ?? -1);
  }
  const flags = [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    "--auth=scram-sha-256",
    `--pwfile=${pwfile}`,
    "--encoding=UTF8",
    // The same order of texts on every platform.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    // Flushing once at the end is several times faster than after each step.
    "--no-sync",
    "--no-instructions",
  ];
  try {
    const options = { ...user, cwd: data, env: ENVIRONMENT };
    await run(initdb, flags, options);
    await run(initdb, ["--sync-only", `--pgdata=${data}`], options);
  } catch (error) {
    const { stderr = "" } = error as { readonly stderr?: string };
    throw new Error(`PostgreSQL could not set up ${data}: ${stderr.trim() || String(error)}`, {
      cause: error,
    });
  } finally {
    rmSync(secret, { recursive: true, force: true });
  }
}
