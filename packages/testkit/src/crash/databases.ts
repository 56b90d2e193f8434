/** The PostgreSQL behind the server under test: the one that `millrace dev` starts, or a given one that we keep alive. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, postgresPid } from "@millrace/server/embedded";
import { launchPostgres, type TestServer } from "../postgres-server.ts";

export interface Database {
  /** For a look past the server, and past the proxy. @throws while it is down */
  url(): string;
  /** The postmaster that runs, or starts; undefined when there is none. */
  pid(): number | undefined;
  /** Once killed it stays down for this many milliseconds; the embedded one is started by the server when that likes. */
  stayDown(milliseconds: number): void;
  stop(): Promise<void>;
}

/** Milliseconds between two looks whether it is still there. */
const LOOK_MS = 100;

/** A PostgreSQL as an administrator runs it: its service manager starts it again when it has ended. */
export async function givenPostgres(
  folder: string,
  log: string,
  endsOnCrash: boolean,
): Promise<Database> {
  const server: TestServer = await launchPostgres({ durable: true, folder, log, endsOnCrash });
  let notBefore = 0;
  let stopped = false;
  let starting: Promise<void> | undefined;
  const keep = (): void => {
    if (isAlive(server.pid) || performance.now() < notBefore || stopped) return;
    starting ??= server
      .restart()
      // Its last back ends are not gone yet, or it was killed again, or its disk is full: later.
      .catch(() => {})
      .finally(() => {
        starting = undefined;
      });
  };
  const keeper = setInterval(keep, LOOK_MS);
  return {
    url: () => server.url,
    pid: () => (isAlive(server.pid) ? server.pid : undefined),
    stayDown: (milliseconds) => {
      notBefore = performance.now() + milliseconds;
    },
    async stop() {
      stopped = true;
      clearInterval(keeper);
      await starting;
      await server.stop();
    },
  };
}

/** That of `millrace dev` with this data directory. */
export function embeddedPostgres(dataDir: string): Database {
  const pid = (): number | undefined => {
    const found = postgresPid(dataDir);
    return found !== undefined && isAlive(found) ? found : undefined;
  };
  return {
    url: () => {
      const { password, data } = JSON.parse(
        readFileSync(join(dataDir, "postgres.json"), "utf8"),
      ) as { readonly password: string; readonly data: string };
      const file = join(data.startsWith("/") ? data : join(dataDir, data), "postmaster.pid");
      // The port is on the fourth line.
      const port = readFileSync(file, "utf8").split("\n")[3];
      return `postgres://millrace:${password}@127.0.0.1:${port}/postgres`;
    },
    pid,
    stayDown: () => {},
    stop: async () => {},
  };
}
