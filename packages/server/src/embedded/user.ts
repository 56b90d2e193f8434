/**
 * PostgreSQL refuses to run as root. Root's server runs as an unprivileged user of the system, who must be able to
 * enter the folders of the program and of the data.
 */
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** In this order; each system has the last. */
const CANDIDATES = ["postgres", "nobody"];

/**
 * Who runs PostgreSQL: nobody else (`undefined`) unless this process is root.
 * @param data the data directory; where it exists already, its owner goes on
 * @throws when this process is root and the system has none of the users
 */
export function unprivilegedUser(data: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(data, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of CANDIDATES) {
    const uid = numericId("-u", name);
    const gid = numericId("-g", name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid };
  }
  throw new Error(
    `PostgreSQL does not run as root, and this system has neither of the users ${CANDIDATES.join(", ")}: create one, or run millrace as an ordinary user`,
  );
}

function numericId(flag: string, name: string): number | undefined {
  try {
    return Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return undefined;
  }
}

/** The first folder on the way to `path`, itself included, that not everyone may enter; `undefined` when there is none. */
export function closedFolder(path: string): string | undefined {
  const way = [path];
  for (let at = path; at !== dirname(at); at = dirname(at)) way.unshift(dirname(at));
  return way.find((folder) => {
    const found = statSync(folder, { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o001) === 0;
  });
}
