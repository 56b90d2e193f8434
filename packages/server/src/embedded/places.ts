/**
 * Where the embedded server keeps what it needs, under the data directory of `millrace dev`:
 *
 *     .millrace/
 *       lock             who uses the directory
 *       postgres.json    password, and where the data are when not below
 *       postgres.log     what PostgreSQL says
 *       postgres/        its data
 *
 * Root's PostgreSQL runs as another user, who cannot enter a folder such as /root. Then the data (and a copy of the
 * program) are in {@link SHARED_FOLDER}.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { closedFolder } from "./user.ts";

/** Only root ever needs it. */
export const SHARED_FOLDER = "/var/lib/millrace";

export interface Places {
  readonly folder: string;
  readonly lock: string;
  readonly log: string;
  /** PostgreSQL's data directory. */
  readonly data: string;
  /** Of the superuser `millrace`; the server listens on loopback, where every user of the machine can connect. */
  readonly password: string;
}

/** The places under `dataDir`, decided at the first start and the same ever after. */
export function places(dataDir: string): Places {
  const folder = resolve(dataDir);
  mkdirSync(folder, { recursive: true });
  const known = readDecision(join(folder, "postgres.json")) ?? decide(folder);
  return {
    folder,
    lock: join(folder, "lock"),
    log: join(folder, "postgres.log"),
    data: resolve(folder, known.data),
    password: known.password,
  };
}

interface Decision {
  readonly password: string;
  /** Relative to the folder while it is below, so that the folder can be moved. */
  readonly data: string;
}

function readDecision(file: string): Decision | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { password, data } = JSON.parse(text) as Partial<Decision>;
  if (typeof password === "string" && typeof data === "string") return { password, data };
  throw new Error(`${file} is damaged: restore it, or remove ${dirname(file)} to start afresh`);
}

function decide(folder: string): Decision {
  const elsewhere = process.getuid?.() === 0 && closedFolder(folder) !== undefined;
  const decision: Decision = {
    password: randomBytes(24).toString("base64url"),
    data: elsewhere ? join(SHARED_FOLDER, `data-${randomBytes(8).toString("hex")}`) : "postgres",
  };
  writeDurably(join(folder, "postgres.json"), `${JSON.stringify(decision, null, 2)}\n`);
  return decision;
}

/** Readable by this user alone, and whole or absent after a crash. */
export function writeDurably(file: string, text: string): void {
  const fresh = `${file}.new`;
  const handle = openSync(fresh, "w", 0o600);
  writeSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(fresh, file);
}
