/** What a round is run on: a server, its PostgreSQL, and the effects server, with the ways in which they are reached. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familyOf, removeData, signalProcess } from "@millrace/server/embedded";
import { type Database, embeddedPostgres, givenPostgres } from "./databases.ts";
import { Effects } from "./effects.ts";
import { seeded } from "./random.ts";
import { ServerProcess } from "./server-process.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** `embedded`: `millrace dev` with its own PostgreSQL. `given`: `millrace server` with the URL of one, through a proxy. */
export const MODES = ["embedded", "given"] as const;
export type Mode = (typeof MODES)[number];

export interface StandOptions {
  readonly mode: Mode;
  readonly seed: number;
  /** PostgreSQL's data go on a small disk of its own. */
  readonly smallDisk: boolean;
  /** The server takes its partitions at once when it starts, instead of waiting for leases to end. */
  readonly exclusive: boolean;
  /** Further variables of the server. @param folder that of the stand */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
}

export interface Stand extends StandOptions {
  readonly server: ServerProcess;
  readonly database: Database;
  readonly effects: Effects;
  /** Between server and database when that is a given one. */
  readonly proxy?: TcpProxy;
  readonly disk?: SmallDisk;
  /** Where the logs are. */
  readonly folder: string;
  /** Ends everything; the logs are kept if asked. */
  close(keepLogs: boolean): Promise<void>;
}

/** Enough for PostgreSQL's own files, some WAL, and a round. */
const DISK_MEGABYTES = 224;

/** @returns undefined when a small disk is wanted and cannot be had */
export async function openStand(options: StandOptions): Promise<Stand | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-crash-"));
  chmodSync(folder, 0o755);
  const data = join(folder, "data");
  const disk = options.smallDisk ? mountSmallDisk(data, DISK_MEGABYTES) : undefined;
  if (options.smallDisk && disk === undefined) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  mkdirSync(data, { recursive: true });
  const effects = new Effects(seeded(options.seed));
  await effects.listen();
  const parts = await (options.mode === "embedded" ? embedded : given)(folder, data, options);
  const { server, database, proxy } = parts;
  return {
    ...options,
    ...parts,
    effects,
    ...(disk === undefined ? {} : { disk }),
    folder,
    async close(keepLogs) {
      disk?.free();
      const pid = database.pid();
      if (pid !== undefined) for (const member of familyOf(pid)) signalProcess(member, "SIGCONT");
      await server.stop();
      await proxy?.close();
      await database.stop();
      effects.close();
      if (options.mode === "embedded") {
        const dataDir = join(data, "millrace");
        cpSync(join(dataDir, "postgres.log"), join(folder, "postgres.log"));
        removeData(dataDir);
      }
      disk?.unmount();
      rmSync(keepLogs ? data : folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Parts = Pick<Stand, "server" | "database" | "proxy">;

async function embedded(folder: string, data: string, options: StandOptions): Promise<Parts> {
  const dataDir = join(data, "millrace");
  mkdirSync(dataDir, { recursive: true });
  const server = await ServerProcess.start({
    words: ["dev", "--data-dir", dataDir],
    environment: options.environment?.(folder) ?? {},
    log: join(folder, "server.log"),
  });
  return { server, database: embeddedPostgres(dataDir) };
}

async function given(folder: string, data: string, options: StandOptions): Promise<Parts> {
  // A PostgreSQL that recovers by itself may wait for ever after a full disk; see embedded/settings.ts of the server.
  const database = await givenPostgres(data, join(folder, "postgres.log"), options.smallDisk);
  const url = new URL(database.url());
  const proxy = await TcpProxy.listen(Number(url.port));
  url.port = String(proxy.port);
  const server = await ServerProcess.start({
    words: ["server"],
    environment: {
      MILLRACE_DATABASE_URL: url.href,
      MILLRACE_EGRESS_ALLOW_LOOPBACK: "true",
      MILLRACE_EXCLUSIVE: String(options.exclusive),
      ...options.environment?.(folder),
    },
    log: join(folder, "server.log"),
  });
  return { server, database, proxy };
}
