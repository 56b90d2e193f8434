/** What a data directory says of its server, from outside: for tools and demonstrations. */
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { takeLock } from "./lock.ts";
import { places } from "./places.ts";
import { pidFile } from "./postmaster.ts";

/** Process id of the PostgreSQL that serves the directory, or served it last; `undefined` after an orderly end. */
export function postgresPid(dataDir: string): number | undefined {
  return pidFile(places(dataDir).data)?.pid;
}

/** Removes a data directory and what belongs to it elsewhere. @throws when a living process uses it */
export function removeData(dataDir: string): void {
  const folder = resolve(dataDir);
  if (!existsSync(join(folder, "postgres.json"))) return;
  const place = places(folder);
  takeLock(place.lock);
  rmSync(place.data, { recursive: true, force: true, maxRetries: 5 });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
